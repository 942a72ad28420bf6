#pragma once

#include <span>

#include "canopy/core/random.hpp"

namespace canopy::data {

/// Logarithm of a number drawn from Gamma(shape, 1), shape > 0. The logarithm, since with a small
/// shape most numbers are too small to be told from 0.
double log_gamma_draw(Stream& stream, double shape);

/// Makes weights of their logarithms, scaled so that the largest is 1. Gamma draws become the
/// shares of a Dirichlet draw, up to their sum.
void exponentiate(std::span<double> logarithms);

}  // namespace canopy::data
