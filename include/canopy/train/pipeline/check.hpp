#pragma once

#include <string>
#include <vector>

#include "canopy/train/pipeline/schedule.hpp"

namespace canopy::train {

/// Seconds (or any unit) that one micro-batch takes on one stage.
struct StageTimes {
  double forward = 1;
  double backward = 1;
  double weights = 1;
  double total() const { return forward + backward + weights; }
};

/// What came of playing the lists through.
struct Simulated {
  double makespan = 0;
  /// Share of stages x makespan in which a stage does nothing.
  double idle = 0;
  std::vector<int> most_in_flight;  ///< by stage: micro-batches from F until W
};

/// What must hold before a list may run.
struct PipelineLimits {
  int micro_batches;
  /// By stage: micro-batches it has memory for. A stage also has so many buffers for messages to
  /// come: a neighbour's send does not get rid of its message before one of them is free, and the
  /// buffer is free again after W.
  std::vector<int> in_flight;
};

/// Those of a schedule.
PipelineLimits limits_of(PipelineSchedule const& schedule, int stages, int micro_batches);

/// Plays the lists through, action after action, each as soon as its list and its messages allow.
/// `times` by stage; a message takes `transfer` between two stages, where one goes at a time, each
/// way. Throws std::logic_error naming stage and action when a micro-batch is missing or there
/// twice, an action comes before what it needs, two stages disagree about the order of messages, a
/// stage holds more than it has room for, or no stage can go on (deadlock).
Simulated simulate(ActionLists const& lists, PipelineLimits const& limits,
                   std::vector<StageTimes> const& times, double transfer = 0);

/// A schedule made for so many stages and micro-batches, proved by simulate().
ActionLists checked_lists(PipelineSchedule const& schedule, int stages, int micro_batches);

/// The share that textbooks give for gpipe and 1f1b: (S-1) / (M+S-1).
inline double textbook_bubble(int stages, int micro_batches) {
  return static_cast<double>(stages - 1) / (micro_batches + stages - 1);
}

}  // namespace canopy::train
