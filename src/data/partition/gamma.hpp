#pragma once

#include "canopy/core/random.hpp"

namespace canopy::data {

/// Logarithm of a number drawn from Gamma(shape, 1), shape > 0. The logarithm, since with a small
/// shape most numbers are too small to be told from 0.
double log_gamma_draw(Stream& stream, double shape);

}  // namespace canopy::data
