#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "canopy/forest/parameters.hpp"

#include "weighted/weighted_bag.hpp"

namespace canopy::forest {

/// Class weights on both sides of a position among the rows of a node, with the formulas and the
/// order of summation of scikit-learn 1.2.1's ClassificationCriterion
/// (sklearn/tree/_criterion.pyx): a move to another position takes the shorter way, from where it
/// stands or from the far end.
class WeightedCriterion {
 public:
  WeightedCriterion(Criterion criterion, std::size_t classes,
                    std::vector<WeightedBag::Item> const& items)
      : is_gini_{criterion == Criterion::gini},
        items_{items},
        total_(classes),
        sums_(classes),
        terms_(classes + 1) {}

  /// Goes to another node and weighs it; the position is before its first row.
  void enter(std::span<RowKey const> rows) {
    rows_ = rows;
    std::ranges::fill(total_, 0.0);
    double weight = 0;
    for (auto const key : rows) {
      auto const& item = items_[key.item()];
      total_[item.label] += item.weight;
      weight += item.weight;
    }
    weight_ = weight;
    reset();
  }

  std::span<double const> class_weights() const { return total_; }
  double weight() const { return weight_; }
  double weight_left() const { return weights_[0]; }
  double weight_right() const { return weights_[1]; }

  /// Back before the first row.
  void reset() {
    position_ = 0;
    weights_ = Pair{0.0, weight_};
    for (std::size_t k = 0; k < sums_.size(); ++k) sums_[k] = Pair{0.0, total_[k]};
  }

  /// `position` rows are on the left; not fewer than before.
  void move_to(std::size_t position) {
    if (position - position_ <= rows_.size() - position) {
      for (auto p = position_; p < position; ++p) add(items_[rows_[p].item()], 1.0);
    } else {
      weights_ = Pair{weight_, 0.0};
      for (std::size_t k = 0; k < sums_.size(); ++k) sums_[k] = Pair{total_[k], 0.0};
      for (auto p = rows_.size(); p > position; --p) add(items_[rows_[p - 1].item()], -1.0);
    }
    weights_[1] = weight_ - weights_[0];
    position_ = position;
  }

  /// Adds rows of these class weights to the left side; for sums that do not depend on the order.
  void add_left(double const* class_weights) {
    for (std::size_t k = 0; k < sums_.size(); ++k) {
      auto const left = sums_[k][0] + class_weights[k];
      sums_[k] = Pair{left, total_[k] - left};
      weights_[0] += class_weights[k];
    }
    weights_[1] = weight_ - weights_[0];
  }

  double node_impurity() {
    for (std::size_t k = 0; k < sums_.size(); ++k) sums_[k] = Pair{total_[k], 0.0};
    weights_ = Pair{weight_, 0.0};
    auto const impurity = impurities().first;
    reset();
    return impurity;
  }

  /// Of the left and the right side.
  std::pair<double, double> impurities() const {
    if (!is_gini_) return {entropy(0), entropy(1)};
    Pair squares{};
    for (auto const& sum : sums_) squares += sum * sum;
    auto const gini = 1.0 - squares / (weights_ * weights_);
    return {gini[0], gini[1]};
  }

  /// The larger the better; differs from the impurity decrease by what is the same all over the
  /// node.
  double score() const {
    auto const [left, right] = impurities();
    return -weight_right() * right - weight_left() * left;
  }

  /// The same but for a factor and for rounding, and the same whatever way led here. A step changes
  /// few class weights, so few logarithms are taken.
  double quick_score() {
    if (is_gini_) return score();
    Pair sum{};
    for (std::size_t k = 0; k < sums_.size(); ++k) sum += terms_[k].of(sums_[k]);
    sum -= terms_.back().of(weights_);
    return sum[0] + sum[1];
  }

 private:
  /// Left and right; the sides are independent, so two lanes round as two numbers do.
  using Pair [[gnu::vector_size(16)]] = double;

  /// x log x of the last x that was asked for.
  struct XLogX {
    Pair x{};
    Pair value{};

    Pair const& of(Pair const& asked) {
      for (int side : {0, 1})
        if (x[side] != asked[side])
          value[side] = asked[side] > 0 ? asked[side] * std::log(asked[side]) : 0.0;
      x = asked;
      return value;
    }
  };

  void add(WeightedBag::Item const& item, double sign) {
    auto const left = sums_[item.label][0] + sign * item.weight;
    sums_[item.label] = Pair{left, total_[item.label] - left};
    weights_[0] += sign * item.weight;
  }

  double entropy(int side) const {
    double sum = 0;
    for (auto const& weights : sums_) {
      if (!(weights[side] > 0)) continue;
      auto const share = weights[side] / weights_[side];
      sum -= share * (std::log(share) / std::numbers::ln2);
    }
    return sum;
  }

  bool is_gini_;
  std::vector<WeightedBag::Item> const& items_;
  std::span<RowKey const> rows_;
  std::vector<double> total_;
  double weight_ = 0;
  std::vector<Pair> sums_;
  std::vector<XLogX> terms_;  ///< of the class weights and of their sums
  Pair weights_{};
  std::size_t position_ = 0;
};

}  // namespace canopy::forest
