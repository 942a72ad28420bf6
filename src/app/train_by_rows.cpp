#include "train_by_rows.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/comm/environment.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/train/forest_by_rows.hpp"

#include "earlier_session.hpp"
#include "growth_notes.hpp"
#include "partial_model.hpp"
#include "run_parts.hpp"
#include "run_tables.hpp"
#include "train_view.hpp"

namespace canopy::app {
namespace {

/// What every rank has of the data and the task.
struct Part {
  train::RowShard shard;
  train::RowSplit split;
  forest::ForestParameters parameters;
  std::string fingerprint;
  std::int64_t rows_to_learn_from = 0;  ///< of all ranks
  std::int64_t encoded_bytes = 0;       ///< of all ranks
};

void check_scoring(TrainSettings const& settings) {
  if (data::scorer(settings.scoring).needs == data::Scorer::Needs::probabilities)
    throw UserError{fmt::format(
        "--scoring is {} but --rows-sharded is true: what ranks count of their rows does not tell "
        "it; set another scoring, or --rows-sharded false",
        settings.scoring)};
}

std::int64_t sum_over_ranks(comm::Communicator const& comm, std::int64_t mine) {
  auto const all = comm.gather(mine);
  return comm.broadcast(std::accumulate(all.begin(), all.end(), std::int64_t{0}));
}

/// Collective. The keys are those of a run that deals trees, so the model is the same.
Part load(comm::Communicator const& comm, TrainSettings const& settings, Phases& phases) {
  check_scoring(settings);
  auto const seed = settings.common.seed;
  phases.begin("load");
  auto rows = train::load_rows(comm, settings.source, seed);
  auto const test_size = settings.test_size.value_or(rows.test ? 0 : 0.2);
  phases.begin("encode");
  Part part{train::encode_rows(comm, std::move(rows)), {}, settings.forest, {}};
  phases.begin("split");
  part.split = train::split_rows(comm, part.shard, test_size, Key{seed}.with("hold-out"));
  part.fingerprint = train::fingerprint(comm, part.shard);
  part.rows_to_learn_from = sum_over_ranks(comm, std::ssize(part.split.train));
  part.encoded_bytes = sum_over_ranks(comm, std::ssize(part.shard.table.bytes()));
  part.parameters.kind =
      settings.model == "extra_trees" ? forest::Kind::extra_trees : forest::Kind::random_forest;
  phases.end();
  if (part.rows_to_learn_from == 0)
    throw DataError{fmt::format("{}: of {} rows none is left to learn from; lower --test-size",
                                settings.source.data, part.shard.rows)};
  return part;
}

Table sharding_table(forest::ShardedCost const& cost) {
  Table table{"sharding"};
  for (auto const* name :
       {"rounds", "histogram_bytes", "wide_nodes", "subtrees", "rows_moved", "row_bytes_moved"})
    table.column(name, Table::Type::integer);
  table.add({cost.rounds, cost.histogram_bytes, cost.wide_nodes, cost.subtrees, cost.rows_moved,
             cost.row_bytes_moved});
  return table;
}

std::string sharding_text(forest::ShardedCost const& cost) {
  return fmt::format(
      "{:<11}{} large nodes by {} sums of histograms, {:.1f} MB a rank; {} rows moved, {:.1f} MB\n",
      "sharding", text::grouped(cost.wide_nodes), cost.rounds,
      static_cast<double>(cost.histogram_bytes) / 1e6, text::grouped(cost.rows_moved),
      static_cast<double>(cost.row_bytes_moved) / 1e6);
}

/// One run, on every rank. The root owns its files and speaks.
class RowsTrainer {
 public:
  RowsTrainer(comm::Communicator const& comm, TrainSettings const& settings, Part const& part,
              std::vector<std::string> hosts, Phases& phases)
      : comm_{comm},
        settings_{settings},
        part_{part},
        hosts_{std::move(hosts)},
        phases_{phases},
        allocation_{seconds_of_allocation(settings.walltime)},
        fit_{comm, part.shard, part.split, part.parameters,
             Key{settings.common.seed}.with("refit")} {
    auto copy = settings;
    Options options;
    copy.describe(options);
    identity_ = {"train", options.to_toml(), part.fingerprint, utc_now(), hosts_};
  }

  record::RunRecord run() {
    train::Trees earlier;
    comm_.together("files", [&] {
      if (comm_.is_root()) earlier = open_files();
    });
    if (comm_.broadcast(start_.complete.has_value()))
      return start_.complete.value_or(record::RunRecord{});
    try {
      grow(std::move(earlier));
    } catch (Stopped const&) {
      return finish_interrupted();
    } catch (std::exception const& e) {
      if (comm_.is_root()) write_failed(e.what());
      throw;
    }
    return finish();
  }

 private:
  /// On the root: the trees that an earlier session has grown.
  train::Trees open_files() {
    start_ = start_run(settings_.common, identity_);
    if (start_.complete || !start_.resumes) return {};
    auto const number = static_cast<std::size_t>(part_.parameters.n_estimators);
    auto earlier = earlier_trees(start_, identity_, number);
    if (!earlier) {
      tell_of_new_beginning(settings_.common, start_.files);
      return {};
    }
    events_ = earlier_events(start_);
    auto& trees = *earlier;
    // Batches are saved whole, so what is missing is at the end.
    trees.resize(static_cast<std::size_t>(train::count_grown(trees)));
    event("resume", fmt::format("{} trees taken over from the earlier session", trees.size()));
    return std::move(trees);
  }

  void grow(train::Trees earlier) {
    auto const trees = part_.parameters.n_estimators;
    auto const& common = settings_.common;
    std::optional<TrainView> view;
    if (comm_.is_root()) {
      if (!common.quiet)
        fmt::print("canopy train: {} of {}, {} trees, rows on {} rank{} on {}\n", settings_.model,
                   settings_.source.data, trees, hosts_.size(), hosts_.size() == 1 ? "" : "s",
                   text::join(distinct(hosts_), ", "));
      std::fflush(stdout);
      view.emplace(common.quiet ? ProgressMode::none : common.progress,
                   fmt::format("canopy train {} -> {}", settings_.source.data,
                               start_.files.run_file.string()),
                   trees, static_cast<int>(earlier.size()));
    }
    phases_.begin("fit");
    fit_.take_over(std::move(earlier));
    taken_over_ = fit_.grown();
    auto const progress = [&] {
      if (!comm_.is_root()) return;
      view->watch(fit_.grown());
      note_and_save();
    };
    fit_.grow(progress, [this] { return interrupted(); });
    phases_.end();
  }

  /// Asked on every rank; one that says so stops all.
  bool interrupted() {
    if (cannot_save_) return true;
    auto const late = allocation_ && phases_.seconds() > *allocation_;
    if (!late && !signals::stop_requested()) return false;
    if (!said_) event(late ? "walltime" : "signal", "stopping; the batches grown so far are saved");
    said_ = true;
    return true;
  }

  void note_and_save() {
    try {
      notes_.note(*start_.journal, phases_.seconds(), fit_.grown());
      checkpoint();
    } catch (std::exception const&) {
      cannot_save_ = true;  // the others must hear of it before this one leaves
    }
  }

  /// What a long fit would lose if it were killed: about a minute, but saving takes at most a
  /// twentieth of the time.
  void checkpoint() {
    if (phases_.seconds() < next_checkpoint_) return;
    Stopwatch const clock;
    if (next_checkpoint_ > 0) write_interrupted();
    next_checkpoint_ = phases_.seconds() + std::max(60.0, 20 * clock.seconds());
  }

  record::RunRecord write_interrupted() {
    auto record = make_record("interrupted", static_cast<int>(ExitCode::interrupted));
    record.model = model_so_far();
    record::write(record, start_.files.run_file);
    return record;
  }

  NamedArrays model_so_far() const {
    std::vector<std::int64_t> numbers(fit_.trees().size());
    std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
    return partial_model(forest_of({}), fit_.trees(), numbers, identity_.fingerprint);
  }

  record::RunRecord finish_interrupted() {
    record::RunRecord record;
    record.exit_code = static_cast<int>(ExitCode::interrupted);
    comm_.together("save", [&] {
      if (!comm_.is_root()) return;
      record = write_interrupted();
      start_.journal->sync();
      fmt::print(stderr,
                 "canopy: stopped with {} of {} trees grown, all saved; go on with: "
                 "canopy train ... --out {} --resume\n",
                 fit_.grown(), part_.parameters.n_estimators, start_.files.run_file.string());
    });
    return record;
  }

  void write_failed(std::string const& why) {
    event("failure", why);
    auto record = make_record("failed", 1);
    record.model = model_so_far();
    record::write(record, start_.files.run_file);
  }

  record::RunRecord finish() {
    phases_.begin("evaluate");
    auto const confusion = fit_.test_confusion();
    uses_ = comm_.gather(fit_.use());
    record::RunRecord record;
    comm_.together("write", [&] {
      if (comm_.is_root()) record = write_complete(confusion);
    });
    return record;
  }

  record::RunRecord write_complete(data::ConfusionMatrix const& confusion) {
    if (confusion.total() > 0)
      evaluations_.push_back(
          {confusion, part_.shard.test ? "test set" : "hold-out", settings_.scoring,
           data::scorer(settings_.scoring).of_counts(data::ClassTally::of(confusion))});
    auto const model = forest_of(fit_.take_trees());
    importances_ = model.feature_importances();
    phases_.begin("write");
    record::RunRecord saved;  // made first, so that the phases tell what it takes
    add_model(saved, model, static_cast<std::size_t>(part_.rows_to_learn_from),
              part_.shard.about.label_name);
    auto record = make_record("complete", 0);
    record.model = std::move(saved.model);
    record.model_row = std::move(saved.model_row);
    record::write(record, start_.files.run_file);
    start_.journal->remove();
    phases_.end();
    if (!settings_.common.quiet) print_result(model);
    return record;
  }

  forest::Forest forest_of(train::Trees trees) const {
    auto const& about = part_.shard.about;
    return {part_.parameters, std::move(trees), about.class_names, about.feature_names};
  }

  record::RunRecord make_record(std::string status, int exit_code) const {
    auto const& about = part_.shard.about;
    auto record = begin_record(identity_, settings_.common, hosts_, phases_);
    record.status = std::move(status);
    record.exit_code = exit_code;
    record.tables = {ranks_table(uses_, hosts_, "worker"), phases_.table(), events_table(events_)};
    add_evaluations(record, evaluations_, about.class_names);
    if (!importances_.empty())
      record.tables.insert(
          record.tables.end(),
          {importances_table(importances_, about.feature_names), sharding_table(fit_.cost())});
    return record;
  }

  void print_result(forest::Forest const& model) const {
    fmt::print("{}{}",
               fit_summary({static_cast<std::size_t>(part_.rows_to_learn_from),
                            static_cast<std::size_t>(part_.encoded_bytes), model.features(),
                            static_cast<int>(hosts_.size()),
                            static_cast<int>(model.trees().size()) - taken_over_},
                           model, phases_, evaluations_, importances_),
               sharding_text(fit_.cost()));
    fmt::print("{}", run_file_line(start_.files.run_file, phases_));
  }

  void event(std::string kind, std::string text) {
    events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
  }

  comm::Communicator const& comm_;
  TrainSettings const& settings_;
  Part const& part_;
  std::vector<std::string> hosts_;
  Phases& phases_;
  std::optional<double> allocation_;
  train::ForestByRows fit_;
  RunIdentity identity_;
  RunStart start_;
  int taken_over_ = 0;
  double next_checkpoint_ = 0;
  GrowthNotes notes_;
  bool said_ = false;
  bool cannot_save_ = false;
  std::vector<Event> events_;
  std::vector<comm::RankUse> uses_;
  std::vector<Evaluation> evaluations_;
  std::vector<double> importances_;
};

}  // namespace

record::RunRecord run_by_rows(comm::Communicator const& comm, TrainSettings const& settings) {
  Phases phases;
  auto const part = load(comm, settings, phases);
  auto record = RowsTrainer{comm, settings, part, comm::hosts(comm), phases}.run();
  record.exit_code = comm.broadcast(record.exit_code);
  record.status = comm.broadcast(record.status);
  return record;
}

}  // namespace canopy::app
