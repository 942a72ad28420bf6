#include "canopy/app/train.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/app/distributed.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/nn/architecture.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/train/forest_by_trees.hpp"

#include "partial_model.hpp"
#include "run_parts.hpp"
#include "run_tables.hpp"
#include "train_by_rows.hpp"
#include "train_network.hpp"
#include "train_view.hpp"

namespace canopy::app {

namespace {

std::string model_names() {
  std::vector<std::string> names{"forest", "extra_trees"};
  for (auto const& network : nn::named_models()) names.push_back(network.name);
  return text::join(names, ", ");
}

/// UserError naming options that were set although a model of this name has no use for them.
template <class Part>
void refuse_changes(Part part, std::string const& model) {
  Part plain;
  Options given;
  Options initial;
  part.describe(given);
  plain.describe(initial);
  std::vector<std::string> changed;
  for (std::size_t i = 0; i < given.rows().size(); ++i)
    if (auto const& row = given.rows()[i]; row.get() != initial.rows()[i].get())
      changed.push_back("--" + row.name);
  if (!changed.empty())
    throw UserError{
        fmt::format("{}: of no use to --model {}; leave it out, or choose another model",
                    text::join(changed, ", "), model)};
}

}  // namespace

void TrainSettings::check() const {
  if (is_forest()) return refuse_changes(network, model);
  refuse_changes(forest, model);
  network.check();
  if (rows_sharded)
    throw UserError{fmt::format(
        "--rows-sharded is true but --model is {}: it is for forests; networks share one copy of "
        "the rows per machine",
        model)};
}

void TrainSettings::describe(Options& o) {
  o.group("Data");
  source.describe(o);
  o.row("test-size", test_size,
        "share of rows to score the model on instead of learning from them; None: 0.2, or 0 for "
        "data with a test set",
        {"None or between 0 and 0.9", [](auto const& s) { return !s || (*s >= 0 && *s <= 0.9); }});
  o.group("Model");
  o.row("model", model, "what is trained; a file holds a list of layers",
        {"one of " + model_names() + ", FILE.toml", [](auto const& name) {
           return name == "forest" || name == "extra_trees" || nn::is_network(name) ||
                  name.ends_with(".toml");
         }});
  o.row("scoring", scoring, "what is reported beside the accuracy", one_of(data::scoring_names()));
  forest.describe(o);
  o.leave_out("kind");  // --model says it
  network.describe(o);
  o.group("Parallel forests");
  o.row("rows-sharded", rows_sharded,
        "each rank holds a part of the rows and all grow every tree together, for data larger than "
        "one machine; else each holds all rows and grows some of the trees",
        any<bool>("true or false"));
  o.group("Stop rules");
  o.row("walltime", walltime,
        "seconds until the allocation ends: save and leave with exit 75; "
        "Slurm's end time - 60 s if it is known",
        {"None or seconds above 0", [](auto const& s) { return !s || *s > 0; }});
  common.describe(o);
}

namespace {

/// What all ranks know: enough to grow any tree.
struct Problem {
  data::EncodedTable table;
  data::Split split;
  forest::ForestParameters parameters;
  Key key;

  train::Trees grow(train::TreeBlock block, StopToken const& stop) const {
    return forest::grow_trees(table, split.train, parameters, key, block.first, block.last, stop);
  }
};

// The keys are those of canopy tune: the same parameters, rows and seed give the same model there.
Problem problem_of(TrainSettings const& settings, SharedData const& data) {
  auto const table = data.table();
  auto const seed = settings.common.seed;
  auto const test_size = settings.test_size.value_or(data.header.has_test_set ? 0 : 0.2);
  Problem problem{table,
                  data::stratified_split(table.labels(), table.classes(), test_size,
                                         Key{seed}.with("hold-out")),
                  settings.forest, Key{seed}.with("refit")};
  problem.parameters.kind =
      settings.model == "extra_trees" ? forest::Kind::extra_trees : forest::Kind::random_forest;
  problem.parameters.check();
  if (problem.split.train.empty())
    throw DataError{fmt::format("{}: of {} rows none is left to learn from; lower --test-size",
                                settings.source.data, table.rows())};
  return problem;
}

/// The root of one run: owns its files, drives the fit, writes the record.
class Trainer {
 public:
  Trainer(TrainSettings const& settings, SharedData& data, Problem const& problem,
          std::vector<std::string> hosts, Phases& phases, std::function<void()> const& before_block)
      : settings_{settings},
        data_{data},
        problem_{problem},
        hosts_{std::move(hosts)},
        phases_{phases},
        before_block_{before_block},
        files_{record::run_files(settings.common.out, "train")},
        allocation_{seconds_of_allocation(settings.walltime)},
        trees_(static_cast<std::size_t>(problem.parameters.n_estimators)) {
    auto copy = settings;
    Options options;
    copy.describe(options);
    identity_ = {"train", options.to_toml(), data.fingerprint, utc_now()};
  }

  record::RunRecord run(comm::Farm& farm) {
    auto const start =
        record::decide_start(files_, settings_.common.overwrite, settings_.common.resume);
    if (start == record::Start::already_complete) return already_complete();
    std::vector<nlohmann::json> records;
    auto journal = open_journal(files_, identity_, start, records);
    if (start == record::Start::resume) take_over_trees(!records.empty());
    try {
      fit(farm);
      return finish(journal);
    } catch (Stopped const&) {
      return finish_interrupted(farm, journal);
    } catch (std::exception const& e) {
      events_.push_back({phases_.seconds(), "failure", e.what()});
      record::write(make_record("failed", 1), files_.run_file);
      throw;
    }
  }

 private:
  record::RunRecord already_complete() {
    auto record = record::read(files_.run_file);
    if (!settings_.common.quiet) fmt::print("{} is already complete.\n", files_.run_file.string());
    return record;
  }

  // ---- trees of an earlier session

  /// The trees so far are moved out and back: there may be no room for a copy.
  NamedArrays model_so_far() {
    train::Trees grown;
    std::vector<std::int64_t> numbers;
    for (std::size_t t = 0; t < trees_.size(); ++t) {
      if (trees_[t].size() == 0) continue;
      grown.push_back(std::move(trees_[t]));
      numbers.push_back(static_cast<std::int64_t>(t));
    }
    auto arrays = partial_model(forest_of({}), grown, numbers, identity_.fingerprint);
    for (std::size_t i = 0; i < grown.size(); ++i)
      trees_[static_cast<std::size_t>(numbers[i])] = std::move(grown[i]);
    return arrays;
  }

  void take_over_trees(bool has_journal) {
    auto earlier = earlier_trees(files_, identity_, has_journal, trees_.size());
    if (!earlier) return;
    trees_ = std::move(*earlier);
    taken_over_ = train::count_grown(trees_);
    event("resume", fmt::format("{} trees taken over from the earlier session", taken_over_));
  }

  // ---- the fit

  void fit(comm::Farm& farm) {
    auto const& common = settings_.common;
    auto const title =
        fmt::format("canopy train: {} of {}, {} trees on {} rank{} on {}", settings_.model,
                    settings_.source.data, trees_.size(), hosts_.size(),
                    hosts_.size() == 1 ? "" : "s", text::join(distinct(hosts_), ", "));
    if (!common.quiet) fmt::print("{}\n", title);
    std::fflush(stdout);
    TrainView view{
        common.quiet ? ProgressMode::none : common.progress,
        fmt::format("canopy train {} -> {}", settings_.source.data, files_.run_file.string()),
        static_cast<int>(trees_.size()), taken_over_};
    train::ForestJob job;
    job.task = [](train::TreeBlock block) { return to_bytes(block); };
    job.grow_here = [&](train::TreeBlock block, StopToken const& stop) {
      if (before_block_) before_block_();
      return problem_.grow(block, stop);
    };
    job.interrupted = [this] { return interrupted(); };
    job.watch = [&](train::Trees const& trees) {
      view.watch(train::count_grown(trees));
      checkpoint();
    };
    phases_.begin("fit");
    saved_at_ = phases_.seconds();
    train::grow_over(farm, job, trees_);
    phases_.end();
    uses_ = farm.shut_down();
  }

  /// Signals and the end of the allocation; asked all the time.
  bool interrupted() {
    auto const late = allocation_ && phases_.seconds() > *allocation_;
    if (!late && !signals::stop_requested()) return false;
    if (!said_) event(late ? "walltime" : "signal", "stopping; every tree grown so far is saved");
    said_ = true;
    return true;
  }

  /// So that a killed run does not lose all: saves when that takes at most a twentieth of the time
  /// since it was done last. All trees are written each time, so quick ones are not saved at all.
  void checkpoint() {
    constexpr double least = 2, share = 1.0 / 20;
    auto const since = phases_.seconds() - saved_at_;
    if (since < least) return;
    std::size_t nodes = 0;
    for (auto const& tree : trees_) nodes += tree.size();
    if (seconds_per_node_ * static_cast<double>(nodes) > share * since) return;
    Stopwatch const clock;
    write_interrupted();
    saved_at_ = phases_.seconds();
    seconds_per_node_ = clock.seconds() / static_cast<double>(std::max<std::size_t>(1, nodes));
  }

  record::RunRecord write_interrupted() {
    auto record = make_record("interrupted", static_cast<int>(ExitCode::interrupted));
    record.model = model_so_far();
    record::write(record, files_.run_file);
    return record;
  }

  // Saved before the workers are sent home: mpirun may kill everybody a second after its signal.
  record::RunRecord finish_interrupted(comm::Farm& farm, record::Journal& journal) {
    auto const record = write_interrupted();
    journal.sync();
    farm.shut_down();
    fmt::print(stderr,
               "canopy: stopped with {} of {} trees grown, all saved; go on with: "
               "canopy train ... --out {} --resume\n",
               train::count_grown(trees_), trees_.size(), files_.run_file.string());
    return record;
  }

  record::RunRecord finish(record::Journal& journal) {
    phases_.begin("evaluate");
    auto const model = forest_of(std::move(trees_));
    evaluate(model);
    importances_ = model.feature_importances();
    phases_.begin("write");
    record::RunRecord saved;  // made first, so that the phases tell what it takes
    add_model(saved, model, problem_.split.train.size(), data_.header.label_name);
    auto record = make_record("complete", 0);
    record.model = std::move(saved.model);
    record.model_row = std::move(saved.model_row);
    record::write(record, files_.run_file);
    journal.remove();
    phases_.end();
    if (!settings_.common.quiet) print_result(model);
    return record;
  }

  void evaluate(forest::Forest const& model) {
    auto const unseen = evaluate_unseen(model, data_, problem_.split.test, settings_.scoring);
    if (unseen) evaluations_.push_back(*unseen);
    if (!problem_.parameters.oob_score) return;
    auto const out_of_bag = model.out_of_bag(problem_.table, problem_.split.train, problem_.key);
    evaluations_.push_back(
        evaluate_out_of_bag(out_of_bag, problem_.table, problem_.split.train, settings_.scoring));
    if (out_of_bag.rows_without_vote > 0)
      event("out-of-bag",
            fmt::format("{} rows are in every bootstrap and count as the first class; more trees "
                        "would tell",
                        out_of_bag.rows_without_vote));
  }

  // ---- the record

  forest::Forest forest_of(train::Trees trees) const {
    return {problem_.parameters, std::move(trees), data_.header.class_names,
            data_.header.feature_names};
  }

  record::RunRecord make_record(std::string status, int exit_code) const {
    auto record = begin_record(identity_, settings_.common, hosts_, phases_);
    record.status = std::move(status);
    record.exit_code = exit_code;
    record.tables = {ranks_table(uses_, hosts_, "worker"), phases_.table(), events_table(events_)};
    add_evaluations(record, evaluations_, data_.header.class_names);
    if (!importances_.empty())
      record.tables.push_back(importances_table(importances_, data_.header.feature_names));
    return record;
  }

  void print_result(forest::Forest const& model) const {
    fmt::print("{}", fit_summary({problem_.split.train.size(), data_.window.bytes.size(),
                                  model.features(), static_cast<int>(hosts_.size()),
                                  static_cast<int>(model.trees().size()) - taken_over_},
                                 model, phases_, evaluations_, importances_));
    for (auto const& event : events_)
      if (event.kind == "out-of-bag") fmt::print("{:<11}{}\n", "note", event.text);
    fmt::print("{}", run_file_line(files_.run_file, phases_));
  }

  void event(std::string kind, std::string text) {
    events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
  }

  TrainSettings const& settings_;
  SharedData& data_;
  Problem const& problem_;
  std::vector<std::string> hosts_;
  Phases& phases_;
  std::function<void()> const& before_block_;
  record::RunFiles files_;
  std::optional<double> allocation_;
  RunIdentity identity_;
  train::Trees trees_;
  int taken_over_ = 0;
  double saved_at_ = 0;               ///< by phases_; the fit's begin at first
  double seconds_per_node_ = 0.5e-6;  ///< of saving; until it is measured a guess on the safe side
  bool said_ = false;
  std::vector<Event> events_;
  std::vector<comm::RankUse> uses_;
  std::vector<Evaluation> evaluations_;
  std::vector<double> importances_;
};

}  // namespace

record::RunRecord run(comm::Communicator const& comm, TrainSettings const& settings,
                      std::function<void()> const& before_block) {
  comm.together("settings", [&] { settings.check(); });
  if (!settings.is_forest()) return run_network(comm, settings);
  if (settings.rows_sharded) return run_by_rows(comm, settings);
  Phases phases;
  auto data = load_and_share(comm, settings.source, settings.common.seed,
                             phases);  // freed by all ranks together, at the end
  auto const hosts = comm::hosts(comm);
  std::optional<Problem> problem;
  comm.together("settings", [&] { problem = problem_of(settings, data); });
  record::RunRecord record;
  comm.together("train", [&] {
    comm::Farm farm{
        comm, [&](Bytes const& payload, StopToken const& stop) {
          if (before_block) before_block();
          return train::trees_to_bytes(problem->grow(from_bytes<train::TreeBlock>(payload), stop));
        }};
    if (!comm.is_root()) return serve(farm);
    record = Trainer{settings, data, *problem, hosts, phases, before_block}.run(farm);
  });
  record.exit_code = comm.broadcast(record.exit_code);
  record.status = comm.broadcast(record.status);
  return record;
}

int run_train(comm::Communicator const& comm, std::span<std::string const> words) {
  TrainSettings settings;
  if (!read_settings(comm, "train",
                     "Trains one model over MPI ranks: the trees of a forest, or the parts of each "
                     "batch of a network, are dealt to all of them, the root included.",
                     settings, words))
    return 0;
  return run(comm, settings).exit_code;
}

}  // namespace canopy::app
