#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "canopy/forest/parameters.hpp"

namespace canopy::forest {

using ClassCounts = std::span<std::uint32_t const>;

/// Impurity of a node from its class counts; formulas and order of operations as scikit-learn's.
double node_impurity(Criterion criterion, ClassCounts counts,
                     std::span<double const> class_weights);
double node_weight(ClassCounts counts, std::span<double const> class_weights);

/// x -> x log2 x for whole numbers, in fixed point: sums of it do not depend on their order, and
/// class counts that are permutations of each other tie exactly.
class FixedXLogX {
 public:
  /// For sums of up to `largest`.
  explicit FixedXLogX(std::uint32_t largest);
  std::int64_t operator()(std::uint32_t x) const {
    return x < table_.size() ? table_[x] : compute(x);
  }

 private:
  std::int64_t compute(std::uint32_t x) const;

  double scale_;
  std::vector<std::int64_t> table_;
};

/// Class counts on both sides of a split position that moves from left to right. Score types
/// below derive from it; the larger score() is the better split.
class TwoSides {
 public:
  explicit TwoSides(std::size_t classes) : left_(classes), right_(classes) {}

  std::uint32_t const* left() const { return left_.data(); }

 protected:
  std::size_t classes() const { return left_.size(); }
  std::vector<std::uint32_t> left_;
  std::vector<std::uint32_t> right_;
};

/// scikit-learn's proxy of the Gini gain for rows that weigh whole numbers; sums of squares are
/// kept up to date, so a step costs the same however many classes there are.
class GiniScore : public TwoSides {
 public:
  using Score = double;
  static constexpr Score worst = -std::numeric_limits<double>::infinity();

  explicit GiniScore(std::size_t classes) : TwoSides{classes} {}

  void start(std::uint32_t const* totals) {
    squares_left_ = squares_right_ = weight_left_ = weight_right_ = 0;
    for (std::size_t k = 0; k < classes(); ++k) {
      left_[k] = 0;
      right_[k] = totals[k];
      squares_right_ += std::int64_t{totals[k]} * totals[k];
      weight_right_ += totals[k];
    }
  }
  void move(std::uint32_t label, std::uint32_t weight) {
    auto& l = left_[label];
    auto& r = right_[label];
    squares_left_ += std::int64_t{weight} * (2 * std::int64_t{l} + weight);
    squares_right_ -= std::int64_t{weight} * (2 * std::int64_t{r} - weight);
    weight_left_ += weight;
    weight_right_ -= weight;
    l += weight;
    r -= weight;
  }
  void move(std::uint32_t const* counts) {
    squares_left_ = squares_right_ = 0;
    std::uint32_t moved = 0;
    for (std::size_t k = 0; k < classes(); ++k) {
      auto const l = left_[k] += counts[k];
      auto const r = right_[k] -= counts[k];
      moved += counts[k];
      squares_left_ += std::int64_t{l} * l;
      squares_right_ += std::int64_t{r} * r;
    }
    weight_left_ += moved;
    weight_right_ -= moved;
  }
  double weight_left() const { return static_cast<double>(weight_left_); }
  double weight_right() const { return static_cast<double>(weight_right_); }
  Score score() const {
    auto const l = weight_left();
    auto const r = weight_right();
    auto const impurity_left = 1.0 - static_cast<double>(squares_left_) / (l * l);
    auto const impurity_right = 1.0 - static_cast<double>(squares_right_) / (r * r);
    return -r * impurity_right - l * impurity_left;
  }

 private:
  std::int64_t squares_left_ = 0;
  std::int64_t squares_right_ = 0;
  std::int64_t weight_left_ = 0;
  std::int64_t weight_right_ = 0;
};

/// Minus the weighted entropy of both sides, for rows that weigh whole numbers.
class EntropyScore : public TwoSides {
 public:
  using Score = std::int64_t;
  static constexpr Score worst = std::numeric_limits<std::int64_t>::min();

  EntropyScore(std::size_t classes, FixedXLogX const& xlogx) : TwoSides{classes}, xlogx_{xlogx} {}

  void start(std::uint32_t const* totals) {
    sum_left_ = sum_right_ = 0;
    weight_left_ = weight_right_ = 0;
    for (std::size_t k = 0; k < classes(); ++k) {
      left_[k] = 0;
      right_[k] = totals[k];
      sum_right_ += xlogx_(totals[k]);
      weight_right_ += totals[k];
    }
  }
  void move(std::uint32_t label, std::uint32_t weight) {
    auto& l = left_[label];
    auto& r = right_[label];
    sum_left_ += xlogx_(l + weight) - xlogx_(l);
    sum_right_ += xlogx_(r - weight) - xlogx_(r);
    weight_left_ += weight;
    weight_right_ -= weight;
    l += weight;
    r -= weight;
  }
  void move(std::uint32_t const* counts) {
    for (std::uint32_t k = 0; k < classes(); ++k)
      if (counts[k] > 0) move(k, counts[k]);
  }
  double weight_left() const { return weight_left_; }
  double weight_right() const { return weight_right_; }
  Score score() const {
    return sum_left_ - xlogx_(weight_left_) + sum_right_ - xlogx_(weight_right_);
  }

 private:
  FixedXLogX const& xlogx_;
  std::int64_t sum_left_ = 0;
  std::int64_t sum_right_ = 0;
  std::uint32_t weight_left_ = 0;
  std::uint32_t weight_right_ = 0;
};

/// scikit-learn's proxy for either criterion with class weights: worked out anew at each position.
class WeightedScore : public TwoSides {
 public:
  using Score = double;
  static constexpr Score worst = -std::numeric_limits<double>::infinity();

  WeightedScore(Criterion criterion, std::span<double const> class_weights)
      : TwoSides{class_weights.size()}, criterion_{criterion}, class_weights_{class_weights} {}

  void start(std::uint32_t const* totals) {
    for (std::size_t k = 0; k < classes(); ++k) {
      left_[k] = 0;
      right_[k] = totals[k];
    }
  }
  void move(std::uint32_t label, std::uint32_t weight) {
    left_[label] += weight;
    right_[label] -= weight;
  }
  void move(std::uint32_t const* counts) {
    for (std::uint32_t k = 0; k < classes(); ++k) move(k, counts[k]);
  }
  double weight_left() const { return node_weight(left_, class_weights_); }
  double weight_right() const { return node_weight(right_, class_weights_); }
  Score score() const {
    return -weight_right() * node_impurity(criterion_, right_, class_weights_) -
           weight_left() * node_impurity(criterion_, left_, class_weights_);
  }

 private:
  Criterion criterion_;
  std::span<double const> class_weights_;
};

}  // namespace canopy::forest
