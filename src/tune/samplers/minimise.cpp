#include "samplers/minimise.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

namespace canopy::tune {
namespace {

using Vector = std::vector<double>;

double dot(Vector const& a, Vector const& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

Vector sum(Vector const& a, double factor, Vector const& b) {
  auto result = a;
  for (std::size_t i = 0; i < a.size(); ++i) result[i] += factor * b[i];
  return result;
}

/// What was learnt of the curvature by the last steps.
class Curvature {
 public:
  void learn(Vector step, Vector change) {
    auto const product = dot(step, change);
    if (!(product > 1e-10 * dot(change, change))) return;  // the direction would not descend
    pairs_.push_back({std::move(step), std::move(change), 1 / product});
    if (pairs_.size() > memory) pairs_.pop_front();
  }
  bool is_empty() const { return pairs_.empty(); }
  void forget() { pairs_.clear(); }

  /// The two-loop recursion.
  Vector direction(Vector const& gradient) const {
    auto q = gradient;
    Vector alphas(pairs_.size());
    for (auto i = pairs_.size(); i-- > 0;) {
      alphas[i] = pairs_[i].inverse * dot(pairs_[i].step, q);
      q = sum(q, -alphas[i], pairs_[i].change);
    }
    if (!pairs_.empty()) {
      auto const& last = pairs_.back();
      auto const scale = 1 / (last.inverse * dot(last.change, last.change));
      for (auto& value : q) value *= scale;
    }
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      q = sum(q, alphas[i] - pairs_[i].inverse * dot(pairs_[i].change, q), pairs_[i].step);
    for (auto& value : q) value = -value;
    return q;
  }

 private:
  static constexpr std::size_t memory = 8;
  struct Pair {
    Vector step;
    Vector change;  ///< of the gradient
    double inverse;
  };
  std::deque<Pair> pairs_;
};

double largest(Vector const& values) {
  double most = 0;
  for (double const value : values) most = std::max(most, std::abs(value));
  return most;
}

}  // namespace

std::vector<double> minimise(Smooth const& f, std::vector<double> x, int most, double tolerance) {
  Curvature curvature;
  Vector gradient(x.size());
  auto value = f(x, gradient);
  for (int step = 0; step < most && largest(gradient) > tolerance; ++step) {
    auto direction = curvature.direction(gradient);
    auto slope = dot(direction, gradient);
    auto length = curvature.is_empty() ? std::min(1.0, 1 / largest(gradient)) : 1.0;
    Vector next;
    Vector next_gradient(x.size());
    double next_value = 0;
    int halvings = 0;
    for (; halvings < 30; ++halvings, length /= 2) {
      next = sum(x, length, direction);
      next_value = f(next, next_gradient);
      if (std::isfinite(next_value) && next_value <= value + 1e-4 * length * slope) break;
    }
    if (halvings == 30) {
      if (curvature.is_empty()) break;
      curvature.forget();  // and try straight down
      continue;
    }
    curvature.learn(sum(next, -1, x), sum(next_gradient, -1, gradient));
    x = std::move(next);
    gradient = next_gradient;
    value = next_value;
  }
  return x;
}

}  // namespace canopy::tune
