#pragma once

#include <algorithm>
#include <limits>
#include <vector>

namespace canopy {

/// Of an even number of values the mean of the two in the middle; NaN of none.
inline double median(std::vector<double> values) {
  auto const n = values.size();
  if (n == 0) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

}  // namespace canopy
