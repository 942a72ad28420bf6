#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

#include "split/impurity.hpp"

namespace canopy::forest {

/// scikit-learn's proxy of the Gini gain for rows that weigh whole numbers: minus the impurity of
/// both sides, each times its weight. Sums of squares are kept up to date, so a step costs the same
/// however many classes there are.
class GiniScore : public TwoSides {
 public:
  static constexpr bool has_whole_sums = true;
  static constexpr bool has_lanes = true;
  using Score = double;
  static constexpr Score worst = -std::numeric_limits<double>::infinity();

  /// Weight and sum of squares of one side; whole numbers.
  struct Side {
    double weight;
    double squares;

    double impurity() const { return 1.0 - squares / (weight * weight); }
  };

  static Score score_of(Side left, Side right) {
    return -right.weight * right.impurity() - left.weight * left.impurity();
  }
  /// False only if the score is less: the same without a division, and with room for rounding.
  static bool may_reach(Score score, Side left, Side right) {
    return left.squares * right.weight + right.squares * left.weight >=
           (score + (left.weight + right.weight) * (1 - 1e-9)) * (left.weight * right.weight);
  }

  /// The same as node_impurity() of rows that weigh `weight` in all.
  static double impurity_of(ClassCounts counts, double weight) {
    std::uint64_t squares = 0;
    for (auto const count : counts) squares += std::uint64_t{count} * count;
    return Side{weight, static_cast<double>(squares)}.impurity();
  }

  /// Both sides of a split, put together class by class.
  class Sum {
   public:
    void add(std::uint32_t left, std::uint32_t right) {
      squares_left_ += std::int64_t{left} * left;
      squares_right_ += std::int64_t{right} * right;
      weight_left_ += left;
      weight_right_ += right;
    }
    /// Instead of class by class.
    void set(std::uint32_t left, std::uint32_t squares_left, std::uint32_t right,
             std::uint32_t squares_right) {
      squares_left_ = squares_left;
      squares_right_ = squares_right;
      weight_left_ = left;
      weight_right_ = right;
    }
    double weight_left() const { return left().weight; }
    double weight_right() const { return right().weight; }
    double impurity_left() const { return left().impurity(); }
    double impurity_right() const { return right().impurity(); }
    bool may_reach(Score score) const { return GiniScore::may_reach(score, left(), right()); }
    Score score() const { return score_of(left(), right()); }

   protected:
    Side left() const {
      return {static_cast<double>(weight_left_), static_cast<double>(squares_left_)};
    }
    Side right() const {
      return {static_cast<double>(weight_right_), static_cast<double>(squares_right_)};
    }

    std::int64_t squares_left_ = 0;
    std::int64_t squares_right_ = 0;
    std::int64_t weight_left_ = 0;
    std::int64_t weight_right_ = 0;
  };

  class Sides : public Sum {
   public:
    explicit Sides(Counts counts) : counts_{counts} {
      for (std::size_t k = 0; k < counts_.classes; ++k) add(0, counts_.right[k]);
    }
    /// In one with the loop around it, however large the file is that this is compiled in.
    [[gnu::always_inline]] void move(std::uint32_t label, std::uint32_t weight) {
      auto const l = counts_.left[label];
      auto const r = counts_.right[label];
      squares_left_ += std::int64_t{weight} * (2 * std::int64_t{l} + weight);
      squares_right_ -= std::int64_t{weight} * (2 * std::int64_t{r} - weight);
      weight_left_ += weight;
      weight_right_ -= weight;
      counts_.left[label] = l + weight;
      counts_.right[label] = r - weight;
    }
    void move(std::uint32_t const* moved) {
      for (std::uint32_t k = 0; k < counts_.classes; ++k) move(k, moved[k]);
    }
    void copy_left(std::uint32_t* to) const { std::copy_n(counts_.left, counts_.classes, to); }

   private:
    Counts counts_;
  };

  /// Sides of up to eight classes that stay in vector registers; only whole classes can be moved.
  class LaneSides {
   public:
    static constexpr std::size_t lanes = 8;

    /// Whether classes and weights go in, and sums of squares are exact.
    static bool fit(std::size_t classes, double weight) {
      return classes <= lanes && weight < 0x1p26;
    }

    LaneSides(std::uint32_t const* totals, std::size_t classes) {
      std::array<std::uint32_t, lanes> used{};
      std::fill_n(used.begin(), classes, ~0u);
      std::memcpy(&used_, used.data(), sizeof used_);
      right_ = loaded(totals);
      side_right_ = side(right_);
    }
    /// Eight numbers are read, whatever follows the last class.
    void move(std::uint32_t const* moved) {
      auto const some = loaded(moved);
      left_ += some;
      right_ -= some;
      side_left_ = side(left_);
      side_right_ = side(right_);
    }
    double weight_left() const { return side_left_.weight; }
    double weight_right() const { return side_right_.weight; }
    bool may_reach(Score score) const {
      return GiniScore::may_reach(score, side_left_, side_right_);
    }
    Score score() const { return score_of(side_left_, side_right_); }
    void copy_left(std::uint32_t* to) const {
      std::array<std::uint32_t, lanes> left;
      std::memcpy(left.data(), &left_, sizeof left_);
      for (std::size_t k = 0; k < lanes && used_[k] != 0; ++k) to[k] = left[k];
    }

   private:
    using Numbers [[gnu::vector_size(4 * lanes)]] = std::int32_t;
    using Half [[gnu::vector_size(4 * lanes)]] = double;

    Numbers loaded(std::uint32_t const* from) const {
      Numbers some;
      std::memcpy(&some, from, sizeof some);
      return some & used_;
    }
    /// Of eight whole numbers that are given in two halves; any order gives the same.
    static double sum(Half low, Half high) {
      auto const half = low + high;
      return (half[0] + half[2]) + (half[1] + half[3]);
    }
    static Side side(Numbers numbers) {
      auto const low =
          __builtin_convertvector(__builtin_shufflevector(numbers, numbers, 0, 1, 2, 3), Half);
      auto const high =
          __builtin_convertvector(__builtin_shufflevector(numbers, numbers, 4, 5, 6, 7), Half);
      return {sum(low, high), sum(low * low, high * high)};
    }

    Numbers used_;  ///< all ones for a class, 0 after the last
    Numbers left_{};
    Numbers right_{};
    Side side_left_{};
    Side side_right_{};
  };

  explicit GiniScore(std::size_t classes) : TwoSides{classes}, classes_{classes} {}
  Sum sum() const { return {}; }
  Sides start(std::uint32_t const* totals) { return Sides{started(totals)}; }
  LaneSides start_lanes(std::uint32_t const* totals) const { return {totals, classes_}; }

 private:
  std::size_t classes_;
};

}  // namespace canopy::forest
