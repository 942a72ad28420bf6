#include "forest_task.hpp"

#include <fmt/format.h>

#include "canopy/forest/forest.hpp"

namespace canopy::app {

train::Trees ForestTask::grow(train::TreeBlock block, StopToken const& stop) const {
  return forest::grow_trees(table, split.train, parameters, key, block.first, block.last, stop);
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
