#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "canopy/federate/aggregator.hpp"

namespace canopy::federate {

/// Rules that look at every number of all updates; each client counts the same.
class CoordinateWise : public Aggregator {
 public:
  CoordinateWise(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, lr_{o.server_lr} {}
  bool wants_updates() const override { return true; }
  bool weighs_by_rows() const override { return false; }

  void apply(RoundSum const& round, std::span<float> model) override {
    std::vector<float> column(round.updates.size());
    for (std::size_t i = 0; i < model.size(); ++i) {
      for (std::size_t k = 0; k < column.size(); ++k) column[k] = round.updates[k][i];
      model[i] += static_cast<float>(lr_ * centre(column));
    }
  }

 protected:
  /// May reorder the numbers.
  virtual double centre(std::span<float> numbers) const = 0;

 private:
  double lr_;
};

/// Yin et al. 2018, "Byzantine-robust distributed learning", definition 1.
class Median : public CoordinateWise {
 public:
  using CoordinateWise::CoordinateWise;

 private:
  double centre(std::span<float> numbers) const override {
    auto const middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    if (numbers.size() % 2 == 1) return *middle;
    return (double{*std::max_element(numbers.begin(), middle)} + *middle) / 2;
  }
};

/// Ibid., definition 2: without the share `trim` of the smallest and of the largest.
class TrimmedMean : public CoordinateWise {
 public:
  TrimmedMean(AggregatorOptions const& o, Sizes const& sizes)
      : CoordinateWise{o, sizes}, trim_{o.trim} {}

 private:
  double centre(std::span<float> numbers) const override {
    auto const out =
        static_cast<std::size_t>(std::floor(trim_ * static_cast<double>(numbers.size())));
    std::ranges::sort(numbers);
    auto const rest = numbers.subspan(out, numbers.size() - 2 * out);
    return std::accumulate(rest.begin(), rest.end(), 0.0) / static_cast<double>(rest.size());
  }
  double trim_;
};

/// Blanchard et al. 2017, "Machine learning with adversaries": the update with the smallest sum of
/// squared distances to its n - f - 2 nearest ones (at least one).
class Krum : public Aggregator {
 public:
  Krum(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, lr_{o.server_lr}, byzantine_{o.byzantine} {}
  bool wants_updates() const override { return true; }
  bool weighs_by_rows() const override { return false; }

  void apply(RoundSum const& round, std::span<float> model) override {
    if (round.updates.empty()) return;
    auto const& chosen = round.updates[best(round.updates)];
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += static_cast<float>(lr_) * chosen[i];
  }

 private:
  std::size_t best(std::vector<std::vector<float>> const& updates) const {
    auto const n = static_cast<std::ptrdiff_t>(updates.size());
    auto const near =
        std::clamp<std::ptrdiff_t>(n - byzantine_ - 2, std::min<std::ptrdiff_t>(1, n - 1), n - 1);
    std::vector<double> scores;
    for (auto const& one : updates) {
      std::vector<double> distances;
      for (auto const& other : updates)
        if (&other != &one) distances.push_back(distance(one, other));
      std::ranges::sort(distances);
      scores.push_back(std::accumulate(distances.begin(), distances.begin() + near, 0.0));
    }
    return static_cast<std::size_t>(std::ranges::min_element(scores) - scores.begin());
  }
  static double distance(std::vector<float> const& a, std::vector<float> const& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      auto const d = double{a[i]} - b[i];
      sum += d * d;
    }
    return sum;
  }

  double lr_;
  int byzantine_;
};

}  // namespace canopy::federate
