#include "canopy/tune/workbench.hpp"

#include "canopy/train/forest_by_trees.hpp"
#include "canopy/tune/forest_learner.hpp"
#include "canopy/tune/network_learner.hpp"

namespace canopy::tune {
namespace {

/// Of the tasks of a final model, which begin with its trees.
comm::TaskId first_task_of(int which) {
  return first_refit_task + (comm::TaskId{which} << 32);
}

/// Folds of `rows`, as row numbers of the whole table.
std::vector<data::Split> folds_of(LearnerData const& data, data::Rows const& rows, int k,
                                  int repeats, Key key) {
  if (repeats == 0) return {};
  std::vector<std::uint16_t> labels;
  for (auto const row : rows) labels.push_back(data.labels()[row]);
  auto folds = data::repeated_stratified_k_fold(labels, data.classes(), k, repeats, key);
  for (auto& fold : folds)
    for (auto* part : {&fold.train, &fold.test})
      for (auto& place : *part) place = rows[place];
  return folds;
}

}  // namespace

Workbench::Workbench(LearnerData data, data::Rows rows, SearchSettings const& settings,
                     std::uint64_t seed)
    : data_{std::move(data)},
      rows_{std::move(rows)},
      model_{settings.model},
      key_{seed},
      folds_{folds_of(data_, rows_, settings.folds, settings.repeats, key_.with("folds"))},
      fresh_folds_{folds_of(data_, rows_, settings.folds, settings.verdict_repeats,
                            key_.with("verdict").with("folds"))} {
  data_.trials_climb = settings.scheduler != "none";
  data_.most_resource = settings.max_resource;
  learner_ = make_learner(settings.model, data_);
  if (settings.slices)
    axes_ = SliceAxes{learner_->nested(), settings.space.value_or(learner_->default_space()),
                      learner_->defaults()};
  limits_ = {settings.task_timeout, settings.task_memory};
}

// The key of a fit does not name the trial: trials that differ in one parameter share all other
// randomness, so their difference is that parameter's, and equal configurations score equally.
Bytes Workbench::work(Task const& task, StopToken const& stop) const {
  using enum Task::Kind;
  if (task.kind == fold || task.kind == fresh_fold)
    return limits_.run([&](StopToken const& token) { return score_fold(task, token); }, stop);
  if (task.kind == network) {
    auto const model =
        fit_network(model_, data_, task.configuration, rows_, key_.with("network"), stop);
    return model ? to_bytes(model->to_arrays()) : Bytes{};
  }
  if (task.kind == predict)
    return is_network(model_)
               ? train::predict_network(task.share, data_.team(), data_.samples(), stop)
               : train::predict_forest(task.share, stop);
  auto const parameters = forest_parameters(forest_kind(model_), task.configuration);
  return train::trees_to_bytes(forest::grow_trees(
      data_.table(), rows_, parameters, key_.with("refit"), task.first_tree, task.last_tree, stop));
}

Bytes Workbench::score_fold(Task const& task, StopToken const& stop) const {
  bool const fresh = task.kind == Task::Kind::fresh_fold;
  auto const& split = (fresh ? fresh_folds_ : folds_).at(static_cast<std::size_t>(task.fold));
  auto const key =
      (fresh ? key_.with("verdict") : key_).with("fit").with(static_cast<std::uint64_t>(task.fold));
  return to_bytes(task.sliced
                      ? learner_->fit_and_score_slices(task.configuration, axes_, split, key, stop)
                      : learner_->fit_and_score(task.configuration, split, key, stop));
}

// The root deals only, as in the search: on a machine with a rank per core and a coordinator beside
// them it would take a core from a worker.
forest::Forest refit_forest(comm::Farm& farm, Workbench const& bench,
                            SearchSettings const& settings, Configuration const& configuration,
                            std::function<bool()> const& interrupted, int which) {
  auto const parameters = forest_parameters(forest_kind(settings.model), configuration);
  train::ForestJob job;
  job.first_id = first_task_of(which);
  job.task = [&](train::TreeBlock block) {
    return to_bytes(Task{Task::Kind::trees, configuration, 0, false, block.first, block.last});
  };
  job.interrupted = interrupted;
  job.watch = [](train::Trees const&) {};
  train::Trees trees(static_cast<std::size_t>(parameters.n_estimators));
  train::grow_over(farm, job, trees);
  return {parameters, std::move(trees), bench.data().class_names, bench.data().feature_names};
}

nn::Model refit_network(comm::Farm& farm, Configuration const& configuration,
                        std::function<bool()> const& interrupted, int which) {
  auto const id = first_task_of(which);
  farm.assign(id, to_bytes(Task{Task::Kind::network, configuration, 0, false, 0, 0}));
  bool called_off = false;
  auto const idle = [&] {
    if (called_off || !interrupted()) return;
    called_off = true;
    farm.cancel_all();
  };
  for (;;) {
    auto const report = farm.wait(0.1, idle);
    if (!report || report->task != id) continue;
    using enum comm::TaskReport::Outcome;
    if (report->outcome == cancelled) throw Stopped{};
    if (report->outcome == failed)
      throw std::runtime_error{"the final network could not be trained: " + report->error};
    return nn::Model::from_arrays(from_bytes<NamedArrays>(report->result));
  }
}

train::PredictionPlace prediction_place(comm::Farm& farm, std::function<bool()> interrupted,
                                        int which) {
  constexpr auto behind_the_trees = comm::TaskId{1} << 31;
  return {farm,
          [](Bytes const& share) {
            return to_bytes(Task{.kind = Task::Kind::predict, .share = share});
          },
          std::move(interrupted), first_task_of(which) + behind_the_trees};
}

}  // namespace canopy::tune
