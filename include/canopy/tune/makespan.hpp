#pragma once

#include <span>

namespace canopy::tune {

/// What a task farm is expected to take.
struct FarmTime {
  double seconds = 0;      ///< until the last task is done
  double utilisation = 0;  ///< share of the workers' time in tasks
};

/// Tasks of known seconds, each to the worker that is free first, in this order: Graham's list
/// scheduling (1966, "Bounds for certain multiprocessing anomalies"), never more than 2 - 1/workers
/// times the best order. The coordinator needs `per_task` seconds for each, one after the other:
/// task i cannot begin before (i + 1) per_task, so more workers than a task's seconds over per_task
/// find nothing to do. At least one worker.
FarmTime makespan(std::span<double const> tasks, int workers, double per_task);

}  // namespace canopy::tune
