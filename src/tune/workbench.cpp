#include "canopy/tune/workbench.hpp"

#include "canopy/train/forest_by_trees.hpp"
#include "canopy/tune/forest_learner.hpp"

namespace canopy::tune {
namespace {

/// Folds of `rows`, as row numbers of the whole table.
std::vector<data::Split> folds_of(LearnerData const& data, data::Rows const& rows,
                                  SearchSettings const& settings, Key key) {
  std::vector<std::uint16_t> labels;
  for (auto const row : rows) labels.push_back(data.table.labels()[row]);
  auto folds = data::repeated_stratified_k_fold(labels, data.table.classes(), settings.folds,
                                                settings.repeats, key);
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
      folds_{folds_of(data_, rows_, settings, key_.with("folds"))},
      learner_{learners().make(settings.model, data_)} {}

// The key of a fit does not name the trial: trials that differ in one parameter share all other
// randomness, so their difference is that parameter's, and equal configurations score equally.
Bytes Workbench::work(Bytes const& payload, StopToken const& stop) const {
  auto const task = from_bytes<Task>(payload);
  if (task.kind == Task::Kind::fold)
    return to_bytes(learner_->fit_and_score(
        task.configuration, folds_.at(static_cast<std::size_t>(task.fold)),
        key_.with("fit").with(static_cast<std::uint64_t>(task.fold)), stop));
  auto const parameters = forest_parameters(forest_kind(model_), task.configuration);
  auto trees = forest::grow_trees(data_.table, rows_, parameters, key_.with("refit"),
                                  task.first_tree, task.last_tree, stop);
  return to_bytes(
      forest::Forest{parameters, std::move(trees), data_.class_names, data_.feature_names}
          .to_arrays());
}

forest::Forest refit(comm::Farm& farm, SearchSettings const& settings,
                     Configuration const& configuration, std::function<bool()> const& interrupted) {
  auto const trees = forest_parameters(forest_kind(settings.model), configuration).n_estimators;
  auto const blocks = train::tree_blocks(trees, farm.workers());
  // Numbers of their own: a fold that two workers were given may still be reported late.
  constexpr auto first_id = comm::TaskId{1} << 40;
  std::vector<NamedArrays> grown(blocks.size());
  bool called_off = false;
  auto const idle = [&] {
    if (called_off || !interrupted()) return;
    called_off = true;
    farm.cancel_all();
  };
  for (std::size_t next = 0; (next < blocks.size() && !called_off) || farm.outstanding() > 0;) {
    for (; next < blocks.size() && !called_off && farm.wants_task(); ++next)
      farm.assign(first_id + static_cast<comm::TaskId>(next),
                  to_bytes(Task{Task::Kind::trees, configuration, 0, blocks[next].first,
                                blocks[next].last}));
    auto const report = farm.wait(0.1, idle);
    if (report && report->outcome == comm::TaskReport::Outcome::failed)
      throw std::runtime_error{"the final model could not be fitted: " + report->error};
    if (report && report->outcome == comm::TaskReport::Outcome::done)
      grown[static_cast<std::size_t>(report->task - first_id)] =
          from_bytes<NamedArrays>(report->result);
  }
  if (called_off) throw Stopped{};
  return train::assemble(grown);
}

}  // namespace canopy::tune
