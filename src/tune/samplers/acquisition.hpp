#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "samplers/lesson.hpp"

namespace canopy::tune {

/// log(phi(z) + z Phi(z)): the logarithm of what a standard normal exceeds -z by on average, to
/// nearly full precision where the number itself is 0 (Ament et al. 2023, "Unexpected improvements
/// to expected improvement", arXiv 2310.20708).
double log_standard_improvement(double z);

/// The logarithm of the improvement on `best` to be expected of a normal.
double log_expected_improvement(double mean, double variance, double best);

/// What trying a point is worth, higher is better; asked of many points at once.
using Acquisition = std::function<std::vector<double>(std::span<Point const> settled)>;

/// The settled point that no earlier trial had for which `acquisition` is highest, as far as 512
/// points of a keyed shift of the Sobol sequence (random ones in a large space) and a pattern
/// search from the best of those and the best taught points find it: steps along one dimension, or
/// to another choice, shorter when none helps. Nothing when all were tried before.
std::optional<Point> maximise(Encoding const& encoding, History const& history,
                              Lesson const& lesson, Acquisition const& acquisition, Key key);

}  // namespace canopy::tune
