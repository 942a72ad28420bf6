#include "samplers/parzen.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace canopy::tune {
namespace {

/// The mass of the standard normal between a and b; in the tails to full relative precision.
double normal_mass(double a, double b) {
  auto const below = [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); };
  return a > 0 ? below(-a) - below(-b) : below(b) - below(a);
}

/// 1 for the 25 youngest; for older ones, down to the oldest, a ramp that ends at 1 / n.
Eigen::ArrayXd weights_of(Eigen::Index n) {
  constexpr Eigen::Index young = 25;
  Eigen::ArrayXd weights = Eigen::ArrayXd::Ones(n + 1);
  auto const old = n - young;
  auto const least = 1.0 / static_cast<double>(n);
  for (Eigen::Index i = 0; i < old; ++i)
    weights[i] = old == 1
                     ? least
                     : least + (1 - least) * static_cast<double>(i) / static_cast<double>(old - 1);
  return weights / std::accumulate(weights.begin(), weights.end(), 0.0);
}

/// Numbers of the observations that have the dimension, ascending by value.
std::vector<Eigen::Index> sorted(std::vector<double> const& values) {
  std::vector<Eigen::Index> order;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) order.push_back(static_cast<Eigen::Index>(i));
  std::ranges::stable_sort(order, {},
                           [&](Eigen::Index i) { return values[static_cast<std::size_t>(i)]; });
  return order;
}

}  // namespace

Parzen::Parzen(Encoding const& encoding, std::span<Point const> observations)
    : encoding_{encoding}, weights_{weights_of(std::ssize(observations))} {
  for (std::size_t d = 0; d < encoding.size(); ++d) {
    std::vector<double> values;
    for (auto const& point : observations) values.push_back(point[d]);
    auto const& dimension = encoding.dimensions()[d];
    auto const& parameter = encoding.space().searched()[dimension.parameter];
    parts_.push_back(
        dimension.is_choice()
            ? choice(values, dimension.choices)
            : range(values, parameter.kind == Parameter::Kind::integer || parameter.stepped));
  }
}

Parzen::Part Parzen::choice(std::vector<double> const& values, int choices) const {
  auto const having = std::ranges::count_if(values, [](double v) { return !std::isnan(v); });
  auto const share = 1.0 / static_cast<double>(having + 1);
  Part part;
  part.probability = Eigen::ArrayXXd::Constant(weights_.size(), choices, 1.0 / choices);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    auto row = part.probability.row(static_cast<Eigen::Index>(i));
    row = share / (1 + choices * share);
    row[static_cast<Eigen::Index>(values[i])] = (1 + share) / (1 + choices * share);
  }
  return part;
}

/// As wide as the farther one of both neighbours; the outermost have one. The least width is
/// Optuna's consider_magic_clip.
Parzen::Part Parzen::range(std::vector<double> const& values, bool has_cells) const {
  Part part;
  part.centre = Eigen::ArrayXd::Constant(weights_.size(), 0.5);
  part.sigma = Eigen::ArrayXd::Ones(weights_.size());
  auto const order = sorted(values);
  auto const n = order.size();
  auto const value = [&](std::size_t place) {
    return values[static_cast<std::size_t>(order[place])];
  };
  auto const least = 1 / std::min(100.0, 2.0 + static_cast<double>(n));
  for (std::size_t i = 0; i < n; ++i) {
    auto const below = i > 0 ? value(i) - value(i - 1) : n > 1 ? 0 : value(i);
    auto const above = i + 1 < n ? value(i + 1) - value(i) : n > 1 ? 0 : 1 - value(i);
    part.centre[order[i]] = value(i);
    part.sigma[order[i]] = std::clamp(std::max(below, above), least, 1.0);
  }
  part.inside = part.centre.binaryExpr(part.sigma, [](double centre, double sigma) {
    return normal_mass(-centre / sigma, (1 - centre) / sigma);
  });
  if (!has_cells) return part;
  std::vector<int> kernels(static_cast<std::size_t>(weights_.size()));
  std::iota(kernels.begin(), kernels.end(), 0);
  auto const numbers = [&](int k) { return std::pair{part.centre[k], part.sigma[k]}; };
  std::ranges::stable_sort(kernels, {}, numbers);
  part.shape.resize(kernels.size());
  for (int const k : kernels) {
    if (part.shapes.empty() || numbers(part.shapes.back()) != numbers(k)) part.shapes.push_back(k);
    part.shape[static_cast<std::size_t>(k)] = static_cast<int>(part.shapes.size()) - 1;
  }
  return part;
}

Point Parzen::sample(Stream& stream) const {
  auto const draw = [&](auto const& probabilities) {
    auto left = stream.uniform();
    Eigen::Index i = 0;
    while (i + 1 < probabilities.size() && left >= probabilities[i]) left -= probabilities[i++];
    return i;
  };
  auto const kernel = draw(weights_);
  Point point;
  for (auto const& part : parts_) {
    if (part.probability.size() > 0) {
      point.push_back(static_cast<double>(draw(part.probability.row(kernel))));
      continue;
    }
    double value = -1;  // at least one of three is inside, see sigma
    while (!(0 <= value && value <= 1))
      value = part.centre[kernel] + part.sigma[kernel] * stream.normal();
    point.push_back(value);
  }
  return point;
}

void Parzen::multiply(Part const& part, std::size_t dimension, double value,
                      Eigen::ArrayXd& product, Eigen::ArrayXd& exponent) const {
  if (part.probability.size() > 0) {
    product *= part.probability.col(static_cast<Eigen::Index>(value));
  } else if (part.shapes.empty()) {
    product /= part.sigma * part.inside * std::sqrt(2 * std::numbers::pi);
    exponent -= ((value - part.centre) / part.sigma).square() / 2;
  } else {
    auto const [low, high] = encoding_.cell(dimension, value);
    Eigen::ArrayXd mass(std::ssize(part.shapes));
    for (std::size_t s = 0; s < part.shapes.size(); ++s) {
      auto const k = part.shapes[s];
      mass[static_cast<Eigen::Index>(s)] = normal_mass((low - part.centre[k]) / part.sigma[k],
                                                       (high - part.centre[k]) / part.sigma[k]) /
                                           part.inside[k];
    }
    for (std::size_t k = 0; k < part.shape.size(); ++k)
      product[static_cast<Eigen::Index>(k)] *= mass[part.shape[k]];
  }
}

// Factors, not their logarithms: that of the prior is never small, so nothing that matters is lost.
double Parzen::log_density(Point const& settled) const {
  auto product = weights_;
  Eigen::ArrayXd exponent = Eigen::ArrayXd::Zero(weights_.size());
  for (std::size_t d = 0; d < parts_.size(); ++d)
    if (!std::isnan(settled[d])) multiply(parts_[d], d, settled[d], product, exponent);
  double sum = 0;
  for (Eigen::Index k = 0; k < product.size(); ++k)
    if (exponent[k] > -100) sum += product[k] * std::exp(exponent[k]);  // else nothing to the prior
  return std::log(sum);
}

}  // namespace canopy::tune
