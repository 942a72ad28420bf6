#pragma once

#include <algorithm>
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

/// Class counts on both sides of a split position that moves from left to right. The score types
/// below derive from it: start() gives the sides of a position, all rows on the right, and of two
/// positions the one with the larger score() is the better split. Sides are small and live as long
/// as the type that gave them; only one at a time is in use.
class TwoSides {
 public:
  explicit TwoSides(std::size_t classes) : left_(classes), right_(classes) {}

 protected:
  struct Counts {
    std::uint32_t* left;
    std::uint32_t* right;
    std::size_t classes;
  };

  Counts started(std::uint32_t const* totals) {
    std::ranges::fill(left_, 0);
    std::copy_n(totals, right_.size(), right_.begin());
    return {left_.data(), right_.data(), left_.size()};
  }

 private:
  std::vector<std::uint32_t> left_;
  std::vector<std::uint32_t> right_;
};

/// Minus the weighted entropy of both sides, for rows that weigh whole numbers.
class EntropyScore : public TwoSides {
 public:
  static constexpr bool has_whole_sums = true;
  static constexpr bool has_lanes = false;
  using Score = std::int64_t;
  static constexpr Score worst = std::numeric_limits<std::int64_t>::min();

  /// Both sides of a split, put together class by class.
  class Sum {
   public:
    explicit Sum(FixedXLogX const& xlogx) : xlogx_{&xlogx} {}
    void add(std::uint32_t left, std::uint32_t right) {
      sum_left_ += (*xlogx_)(left);
      sum_right_ += (*xlogx_)(right);
      weight_left_ += left;
      weight_right_ += right;
    }
    double weight_left() const { return weight_left_; }
    double weight_right() const { return weight_right_; }
    bool may_reach(Score) const { return true; }
    Score score() const {
      return sum_left_ - (*xlogx_)(weight_left_) + sum_right_ - (*xlogx_)(weight_right_);
    }

   protected:
    FixedXLogX const* xlogx_;
    std::int64_t sum_left_ = 0;
    std::int64_t sum_right_ = 0;
    std::uint32_t weight_left_ = 0;
    std::uint32_t weight_right_ = 0;
  };

  class Sides : public Sum {
   public:
    Sides(Counts counts, FixedXLogX const& xlogx) : Sum{xlogx}, counts_{counts} {
      for (std::size_t k = 0; k < counts_.classes; ++k) add(0, counts_.right[k]);
    }
    void move(std::uint32_t label, std::uint32_t weight) {
      auto const l = counts_.left[label];
      auto const r = counts_.right[label];
      sum_left_ += (*xlogx_)(l + weight) - (*xlogx_)(l);
      sum_right_ += (*xlogx_)(r - weight) - (*xlogx_)(r);
      weight_left_ += weight;
      weight_right_ -= weight;
      counts_.left[label] = l + weight;
      counts_.right[label] = r - weight;
    }
    void move(std::uint32_t const* moved) {
      for (std::uint32_t k = 0; k < counts_.classes; ++k)
        if (moved[k] > 0) move(k, moved[k]);
    }
    void copy_left(std::uint32_t* to) const { std::copy_n(counts_.left, counts_.classes, to); }

   private:
    Counts counts_;
  };

  EntropyScore(std::size_t classes, FixedXLogX const& xlogx) : TwoSides{classes}, xlogx_{&xlogx} {}
  Sum sum() const { return Sum{*xlogx_}; }
  Sides start(std::uint32_t const* totals) { return {started(totals), *xlogx_}; }

 private:
  FixedXLogX const* xlogx_;
};

/// scikit-learn's proxy for either criterion with class weights: worked out anew at each position.
class WeightedScore : public TwoSides {
 public:
  static constexpr bool has_whole_sums = false;
  static constexpr bool has_lanes = false;
  using Score = double;
  static constexpr Score worst = -std::numeric_limits<double>::infinity();

  class Sides {
   public:
    Sides(Counts counts, Criterion criterion, std::span<double const> class_weights)
        : counts_{counts}, criterion_{criterion}, class_weights_{class_weights} {}
    void move(std::uint32_t label, std::uint32_t weight) {
      counts_.left[label] += weight;
      counts_.right[label] -= weight;
    }
    void move(std::uint32_t const* moved) {
      for (std::uint32_t k = 0; k < counts_.classes; ++k) move(k, moved[k]);
    }
    void copy_left(std::uint32_t* to) const { std::copy_n(counts_.left, counts_.classes, to); }
    double weight_left() const { return node_weight(left_counts(), class_weights_); }
    double weight_right() const { return node_weight(right_counts(), class_weights_); }
    bool may_reach(Score) const { return true; }
    Score score() const {
      return -weight_right() * node_impurity(criterion_, right_counts(), class_weights_) -
             weight_left() * node_impurity(criterion_, left_counts(), class_weights_);
    }

   private:
    ClassCounts left_counts() const { return {counts_.left, counts_.classes}; }
    ClassCounts right_counts() const { return {counts_.right, counts_.classes}; }

    Counts counts_;
    Criterion criterion_;
    std::span<double const> class_weights_;
  };

  WeightedScore(Criterion criterion, std::span<double const> class_weights)
      : TwoSides{class_weights.size()}, criterion_{criterion}, class_weights_{class_weights} {}
  Sides start(std::uint32_t const* totals) { return {started(totals), criterion_, class_weights_}; }

 private:
  Criterion criterion_;
  std::span<double const> class_weights_;
};

}  // namespace canopy::forest
