#include "forest_task.hpp"

#include <fmt/format.h>

#include "canopy/forest/forest.hpp"
#include "canopy/train/permute_over.hpp"
#include "canopy/train/predict_over.hpp"

namespace canopy::app {

train::Trees ForestTask::grow(train::TreeBlock block, StopToken const& stop) const {
  return forest::grow_trees(table, split.train, parameters, key, block.first, block.last, stop);
}

Bytes ForestTask::work_on(Piece const& piece, std::function<void()> const& before_block,
                          StopToken const& stop) const {
  if (auto const* share = std::get_if<Bytes>(&piece)) return train::predict_forest(*share, stop);
  if (auto const* permuted = std::get_if<Permuted>(&piece))
    return train::permute_forest(permuted->share, stop);
  if (before_block) before_block();
  return train::trees_to_bytes(grow(std::get<train::TreeBlock>(piece), stop));
}

ForestTask make_forest_task(TrainSettings const& settings, SharedData const& data) {
  auto const table = data.table();
  auto const seed = settings.common.seed;
  auto const test_size = settings.test_size.value_or(data.header.has_test_set ? 0 : 0.2);
  ForestTask task{table,
                  data::stratified_split(table.labels(), table.classes(), test_size,
                                         Key{seed}.with("hold-out")),
                  settings.forest, Key{seed}.with("refit")};
  task.parameters.kind =
      settings.model == "extra_trees" ? forest::Kind::extra_trees : forest::Kind::random_forest;
  task.parameters.check();
  if (task.split.train.empty())
    throw DataError{fmt::format("{}: of {} rows none is left to learn from; lower --test-size",
                                settings.source.data, table.rows())};
  return task;
}

}  // namespace canopy::app
