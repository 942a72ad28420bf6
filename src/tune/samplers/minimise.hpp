#pragma once

#include <functional>
#include <vector>

namespace canopy::tune {

/// A smooth function: its value at x, and its derivatives there written to `gradient`.
using Smooth = std::function<double(std::vector<double> const& x, std::vector<double>& gradient)>;

/// Where `f` is lowest near `start`: limited-memory BFGS (Nocedal and Wright, "Numerical
/// optimization", algorithm 7.4) with backtracking, until no derivative is above `tolerance` or for
/// `most` steps. Values that are not finite count as too high. No clock and no chance in it.
std::vector<double> minimise(Smooth const& f, std::vector<double> start, int most,
                             double tolerance);

}  // namespace canopy::tune
