#pragma once

#include <cstdint>

namespace canopy::train {

/// What workers ask of servers when there is staleness.
enum class Ask : std::int64_t {
  /// I begin an update; the number is the learning rate, its bits as an integer. Answered, as soon
  /// as the worker may begin, by the slice and how many pushes it has seen.
  begin,
  /// A gradient, the mean over the worker's rows, or no floats if it had none; the number is that
  /// of the answer it was worked out from. Not answered.
  push,
};

}  // namespace canopy::train
