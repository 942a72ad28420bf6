#pragma once

#include <span>

namespace canopy::train {

/// A time that grows with an amount of work: seconds = fixed + per_unit * amount.
struct Line {
  double fixed = 0;     ///< seconds
  double per_unit = 0;  ///< seconds per row, byte, ...

  double seconds(double amount) const { return fixed + per_unit * amount; }
  friend bool operator==(Line const&, Line const&) = default;
};

/// One measurement.
struct Sample {
  double amount = 0;
  double seconds = 0;  ///< more than 0
};

/// The line through samples that has the least squares of relative errors, neither part negative.
/// One sample gives a line through it without a fixed part; none gives zeros.
Line fit_line(std::span<Sample const> samples);

/// Root mean square of the relative errors of the samples; 0 for none.
double relative_error(Line const& line, std::span<Sample const> samples);

}  // namespace canopy::train
