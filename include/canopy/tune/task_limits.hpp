#pragma once

#include <functional>
#include <optional>

#include "canopy/core/bytes.hpp"
#include "canopy/core/stop.hpp"

namespace canopy::tune {

/// Bytes of memory that are this process's own: resident, and not shared as the data is.
double own_bytes();

/// What one fold may take. Whoever asks its stop token is stopped at these limits; what does not
/// ask for long is given up by the farm.
struct TaskLimits {
  std::optional<double> seconds;
  std::optional<double> megabytes;  ///< of own memory, beyond what the rank had before the fold

  /// Runs the task. Throws std::runtime_error, which says what went beyond its limit or that there
  /// was no memory left; other exceptions are the task's.
  Bytes run(std::function<Bytes(StopToken const&)> const& task, StopToken const& stop) const;
};

}  // namespace canopy::tune
