#include "partition/gamma.hpp"

#include <algorithm>
#include <cmath>

namespace canopy::data {
namespace {

/// In (0, 1]: its logarithm is finite.
double positive_uniform(Stream& stream) {
  return 1 - stream.uniform();
}

}  // namespace

// Marsaglia & Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000); shapes
// below 1 by its section 6: Gamma(a) = Gamma(a + 1) * U^(1/a).
double log_gamma_draw(Stream& stream, double shape) {
  if (shape < 1) {
    auto const raised = log_gamma_draw(stream, shape + 1);
    return raised + std::log(positive_uniform(stream)) / shape;
  }
  auto const d = shape - 1.0 / 3;
  auto const c = 1 / std::sqrt(9 * d);
  for (;;) {
    auto const x = stream.normal();
    auto const root = 1 + c * x;
    if (root <= 0) continue;
    auto const v = root * root * root;
    auto const u = positive_uniform(stream);
    auto const log_v = std::log(v);
    // The first condition implies the second and is quicker.
    if (u < 1 - 0.0331 * x * x * x * x || std::log(u) < x * x / 2 + d - d * v + d * log_v)
      return std::log(d) + log_v;
  }
}

void exponentiate(std::span<double> logarithms) {
  auto const most = *std::ranges::max_element(logarithms);
  for (auto& x : logarithms) x = std::exp(x - most);
}

}  // namespace canopy::data
