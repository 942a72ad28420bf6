#include "canopy/train/plan/line.hpp"

#include <cmath>

namespace canopy::train {
namespace {

/// Sums over samples, each divided by its seconds: so errors are relative ones.
struct Moments {
  double ones = 0;           // sum of 1 / s^2
  double amounts = 0;        // of a / s^2
  double squares = 0;        // of a^2 / s^2
  double fixed_target = 0;   // of 1 / s
  double amount_target = 0;  // of a / s
};

Moments moments_of(std::span<Sample const> samples) {
  Moments m;
  for (auto const [amount, seconds] : samples) {
    auto const one = 1 / seconds;
    auto const share = amount / seconds;
    m.ones += one * one;
    m.amounts += one * share;
    m.squares += share * share;
    m.fixed_target += one;
    m.amount_target += share;
  }
  return m;
}

}  // namespace

Line fit_line(std::span<Sample const> samples) {
  if (samples.empty()) return {};
  auto const m = moments_of(samples);
  Line const slope{0, m.squares > 0 ? m.amount_target / m.squares : 0};
  Line const level{m.fixed_target / m.ones, 0};
  if (m.squares == 0) return level;
  auto const determinant = m.ones * m.squares - m.amounts * m.amounts;
  if (determinant <= 1e-12 * m.ones * m.squares) return slope;  // one amount only
  Line const both{(m.fixed_target * m.squares - m.amounts * m.amount_target) / determinant,
                  (m.ones * m.amount_target - m.amounts * m.fixed_target) / determinant};
  if (both.fixed >= 0 && both.per_unit >= 0) return both;
  return both.fixed < 0 ? slope : level;
}

double relative_error(Line const& line, std::span<Sample const> samples) {
  if (samples.empty()) return 0;
  double sum = 0;
  for (auto const& sample : samples)
    sum += std::pow(line.seconds(sample.amount) / sample.seconds - 1, 2);
  return std::sqrt(sum / static_cast<double>(samples.size()));
}

}  // namespace canopy::train
