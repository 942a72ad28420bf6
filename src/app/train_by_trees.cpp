#include "train_by_trees.hpp"

#include <cstdio>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/comm/environment.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/forest/out_of_bag.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/train/forest_by_trees.hpp"
#include "canopy/train/permute_over.hpp"
#include "canopy/train/predict_over.hpp"

#include "earlier_session.hpp"
#include "forest_task.hpp"
#include "growth_notes.hpp"
#include "partial_model.hpp"
#include "run_parts.hpp"
#include "run_tables.hpp"
#include "save_pace.hpp"
#include "train_view.hpp"
#include "unseen_rows.hpp"

namespace canopy::app {
namespace {

/// The root of one run: owns its files, drives the fit, writes the record.
class TreesTrainer {
 public:
  TreesTrainer(TrainSettings const& settings, SharedData& data, ForestTask const& task,
               std::vector<std::string> hosts, Phases& phases,
               std::function<void()> const& before_block)
      : settings_{settings},
        data_{data},
        task_{task},
        hosts_{std::move(hosts)},
        phases_{phases},
        before_block_{before_block},
        allocation_{seconds_of_allocation(settings.walltime)},
        trees_(static_cast<std::size_t>(task.parameters.n_estimators)) {
    auto copy = settings;
    Options options;
    copy.describe(options);
    identity_ = {"train", options.to_toml(), data.fingerprint, utc_now(), hosts_};
  }

  record::RunRecord run(comm::Farm& farm) {
    farm_ = &farm;
    start_ = start_run(settings_.common, identity_);
    if (start_.complete) return *start_.complete;
    if (start_.resumes) take_over_trees();
    try {
      fit(farm);
      return finish(farm);
    } catch (Stopped const&) {
      view_->finish();
      return finish_interrupted(farm);
    } catch (comm::NoWorkersLeft const& e) {
      view_->finish();
      note_losses();
      fmt::print(stderr, "canopy: {}\n", e.what());
      return finish_interrupted(farm);
    } catch (std::exception const& e) {
      write_failed(e.what());
      throw;
    }
  }

 private:
  // ---- trees of an earlier session

  /// The trees so far are moved out and back: there may be no room for a copy.
  NamedArrays model_so_far() {
    std::vector<std::int64_t> numbers;
    if (model_) {
      numbers.resize(model_->trees().size());
      std::iota(numbers.begin(), numbers.end(), std::int64_t{0});
      return partial_model(forest_of({}), model_->trees(), numbers, identity_.fingerprint);
    }
    train::Trees grown;
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

  void take_over_trees() {
    auto earlier = earlier_trees(start_, identity_, trees_.size());
    if (!earlier) return tell_of_new_beginning(settings_.common, start_.files);
    events_ = earlier_events(start_);
    trees_ = std::move(*earlier);
    taken_over_ = train::count_grown(trees_);
    event("resume", fmt::format("{} trees taken over from the earlier session", taken_over_));
  }

  // ---- the fit

  void fit(comm::Farm& farm) {
    announce();
    auto const& common = settings_.common;
    view_.emplace(
        common.quiet ? ProgressMode::none : common.progress,
        fmt::format("canopy train {} -> {}", settings_.source.data, start_.files.run_file.string()),
        static_cast<int>(trees_.size()), taken_over_);
    phases_.begin("fit");
    pace_.begin(phases_.seconds());
    train::grow_over(farm, job(), trees_);
    view_->finish();
    phases_.end();
  }

  void announce() const {
    if (!settings_.common.quiet)
      fmt::print("canopy train: {} of {}, {} trees on {} rank{} on {}\n", settings_.model,
                 settings_.source.data, trees_.size(), hosts_.size(), hosts_.size() == 1 ? "" : "s",
                 text::join(distinct(hosts_), ", "));
    std::fflush(stdout);
  }

  train::ForestJob job() {
    train::ForestJob job;
    job.task = [](train::TreeBlock block) { return to_bytes(Piece{block}); };
    job.grow_here = [this](train::TreeBlock block, StopToken const& stop) {
      if (before_block_) before_block_();
      return task_.grow(block, stop);
    };
    job.interrupted = [this] { return interrupted(); };
    job.watch = [this](train::Trees const& trees) {
      auto const grown = train::count_grown(trees);
      view_->watch(grown);
      notes_.note(*start_.journal, phases_.seconds(), grown);
      checkpoint();
    };
    return job;
  }

  /// Signals and the end of the allocation; asked all the time.
  bool interrupted() {
    note_losses();
    auto const late = allocation_ && phases_.seconds() > *allocation_;
    if (!late && !signals::stop_requested()) return false;
    if (!said_) event(late ? "walltime" : "signal", "stopping; every tree grown so far is saved");
    said_ = true;
    return true;
  }

  void note_losses() {
    auto const& losses = farm_->losses();
    auto const name = [](comm::TaskId task) {
      return task < first_prediction ? fmt::format("tree {} and on", task)
                                     : std::string{"a part of the evaluation"};
    };
    for (auto& event : events_of(losses, losses_told_, hosts_, phases_.seconds(), name))
      events_.push_back(std::move(event));
    if (!settings_.common.quiet)
      for (auto const& line : lines_of(losses, losses_told_, hosts_, name)) view_->warn(line);
    losses_told_ = losses.size();
  }

  /// So that a killed run does not lose all.
  void checkpoint() {
    std::size_t nodes = 0;
    for (auto const& tree : trees_) nodes += tree.size();
    auto const now = phases_.seconds();
    if (!pace_.is_due(now, nodes)) return;
    write_interrupted();
    pace_.saved(now, phases_.seconds(), nodes);
  }

  record::RunRecord write_interrupted() {
    auto record = make_record("interrupted", static_cast<int>(ExitCode::interrupted));
    record.model = model_so_far();
    record::write(record, start_.files.run_file);
    return record;
  }

  /// The trees so far are kept for --resume.
  void write_failed(std::string const& why) {
    event("failure", why);
    auto record = make_record("failed", 1);
    if (grown() > 0)
      record.model = model_so_far();
    else
      keep_checkpoint(record, start_, identity_);
    record::write(record, start_.files.run_file);
  }

  // Saved before the workers are sent home: mpirun may kill everybody a second after its signal.
  record::RunRecord finish_interrupted(comm::Farm& farm) {
    auto const record = write_interrupted();
    start_.journal->sync();
    farm.shut_down();
    fmt::print(stderr,
               "canopy: stopped with {} of {} trees grown, all saved; go on with: "
               "canopy train ... --out {} --resume\n",
               grown(), task_.parameters.n_estimators, start_.files.run_file.string());
    return record;
  }

  int grown() const {
    return model_ ? static_cast<int>(model_->trees().size()) : train::count_grown(trees_);
  }

  record::RunRecord finish(comm::Farm& farm) {
    phases_.begin("evaluate");
    auto const& model = model_.emplace(forest_of(std::move(trees_)));
    auto const unseen = unseen_rows(data_, task_.split.test);
    evaluate_on_unseen(farm, model, unseen);
    permute_features(farm, model, unseen);
    uses_ = farm.shut_down();
    note_losses();
    evaluate_out_of_bag(model);
    importances_ = model.feature_importances();
    phases_.begin("write");
    record::RunRecord saved;  // made first, so that the phases tell what it takes
    add_model(saved, model, task_.split.train.size(), data_.header.label_name);
    auto record = make_record("complete", 0);
    record.model = std::move(saved.model);
    record.model_row = std::move(saved.model_row);
    record::write(record, start_.files.run_file);
    start_.journal->remove();
    phases_.end();
    if (!settings_.common.quiet) print_result(model);
    return record;
  }

  /// Nobody asks for a stop here: all trees are grown, and this takes moments.
  void evaluate_on_unseen(comm::Farm& farm, forest::Forest const& model, UnseenRows const& unseen) {
    if (unseen.empty()) return;
    train::PredictionPlace const place{farm,
                                       [](Bytes const& share) { return to_bytes(Piece{share}); },
                                       [] { return false; }, first_prediction};
    evaluations_.push_back(evaluate(
        unseen, train::predict_over(place, model, unseen.table, unseen.rows), settings_.scoring));
  }

  /// May take long, so whoever stops it goes on with the trees that are grown.
  void permute_features(comm::Farm& farm, forest::Forest const& model, UnseenRows const& unseen) {
    if (settings_.permutation_repeats == 0) return;
    train::PredictionPlace const place{
        farm, [](Bytes const& share) { return to_bytes(Piece{Permuted{share}}); },
        [this] { return interrupted(); }, first_permutation};
    auto const& table = unseen.empty() ? task_.table : unseen.table;
    auto const& rows = unseen.empty() ? task_.split.train : unseen.rows;
    forest::Permutation const permutation{settings_.scoring, settings_.permutation_repeats,
                                          Key{settings_.common.seed}.with("permutation")};
    findings_.push_back(permutation_importances_table(
        train::permute_over(place, model, table, rows, permutation), data_.header.feature_names,
        unseen.empty() ? "training" : unseen.name));
  }

  void evaluate_out_of_bag(forest::Forest const& model) {
    if (!task_.parameters.oob_score) return;
    auto const out_of_bag = model.out_of_bag(task_.table, task_.split.train, task_.key);
    evaluations_.push_back(
        app::evaluate_out_of_bag(out_of_bag, task_.table, task_.split.train, settings_.scoring));
    auto const& rows = task_.split.train;
    findings_.push_back(
        oob_curve_table(model.oob_curve(task_.table, rows, task_.key),
                        forest::rows_with_vote(task_.parameters, rows.size(), task_.key)));
    if (out_of_bag.rows_without_vote > 0)
      event("out-of-bag",
            fmt::format("{} rows are in every bootstrap and count as the first class; more trees "
                        "would tell",
                        out_of_bag.rows_without_vote));
  }

  // ---- the record

  forest::Forest forest_of(train::Trees trees) const {
    return {task_.parameters, std::move(trees), data_.header.class_names,
            data_.header.feature_names};
  }

  record::RunRecord make_record(std::string status, int exit_code) const {
    auto record = begin_record(identity_, settings_.common, hosts_, phases_);
    record.status = std::move(status);
    record.exit_code = exit_code;
    record.tables = {ranks_table(uses_, hosts_, roles_of(farm_->losses(), uses_.size(), "worker")),
                     phases_.table(), events_table(events_)};
    add_evaluations(record, evaluations_, data_.header.class_names);
    if (!importances_.empty())
      record.tables.push_back(importances_table(importances_, data_.header.feature_names));
    record.tables.insert(record.tables.end(), findings_.begin(), findings_.end());
    return record;
  }

  void print_result(forest::Forest const& model) const {
    fmt::print("{}", fit_summary({task_.split.train.size(), data_.window.bytes.size(),
                                  model.features(), static_cast<int>(hosts_.size()),
                                  static_cast<int>(model.trees().size()) - taken_over_},
                                 model, phases_, evaluations_, importances_));
    for (auto const& event : events_)
      if (event.kind == "out-of-bag") fmt::print("{:<11}{}\n", "note", event.text);
    fmt::print("{}", run_file_line(start_.files.run_file, phases_));
  }

  void event(std::string kind, std::string text) {
    events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
  }

  TrainSettings const& settings_;
  SharedData& data_;
  ForestTask const& task_;
  std::vector<std::string> hosts_;
  Phases& phases_;
  std::function<void()> const& before_block_;
  comm::Farm const* farm_ = nullptr;
  std::size_t losses_told_ = 0;
  RunStart start_;
  std::optional<double> allocation_;
  RunIdentity identity_;
  train::Trees trees_;
  int taken_over_ = 0;
  SavePace pace_;
  std::optional<TrainView> view_;
  GrowthNotes notes_;
  bool said_ = false;
  std::vector<Event> events_;
  std::vector<comm::RankUse> uses_;
  std::vector<Evaluation> evaluations_;
  std::vector<double> importances_;
  std::vector<Table> findings_;  ///< what was asked for besides
  std::optional<forest::Forest> model_;
};

}  // namespace

record::RunRecord run_by_trees(comm::Communicator const& comm, TrainSettings const& settings,
                               std::function<void()> const& before_block) {
  comm::Deadline end;
  Phases phases;
  auto data = load_and_share(comm, settings.source, settings.common.seed,
                             phases);  // freed by all ranks together, at the end
  auto const hosts = comm::hosts(comm);
  std::optional<ForestTask> task;
  comm.together("settings", [&] { task = make_forest_task(settings, data); });
  record::RunRecord record;
  comm.together("train", [&] {
    comm::Farm farm{comm, [&](Bytes const& payload, StopToken const& stop) {
                      return task->work_on(from_bytes<Piece>(payload), before_block, stop);
                    }};
    if (comm.is_root())
      record = lead(farm, [&] {
        return TreesTrainer{settings, data, *task, hosts, phases, before_block}.run(farm);
      });
    else
      serve(farm);
    end.set(seconds_to_end, 1);
  });
  record.exit_code = comm.broadcast(record.exit_code);
  record.status = comm.broadcast(record.status);
  return record;
}

}  // namespace canopy::app
