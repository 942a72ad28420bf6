#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "grow/bag.hpp"
#include "grow/problem.hpp"
#include "split/draw_features.hpp"
#include "split/gini_score.hpp"
#include "split/impurity.hpp"
#include "split/split.hpp"

namespace canopy::forest {

/// Judges the splits of a node, one after another, and keeps the best: what is valid, what is
/// better and which of equals wins is decided here, whether the sums come from rows that are at
/// hand or from rows on other machines. Base of the searches, which bring the sums.
template <class Impurity>
class BestSplit {
 public:
  BestSplit(Problem const& problem, Bag const& bag, Impurity impurity)
      : problem_{problem},
        limits_{problem.limits},
        class_weights_{bag.class_weights},
        root_weight_{bag.weight()},
        min_weight_leaf_{problem.parameters.min_weight_fraction_leaf * root_weight_},
        score_{std::move(impurity)},
        best_left_(bag.class_counts.size()),
        part_(std::max(best_left_.size(), readable)) {}

  /// Weight per class on the left side of the split that was found last.
  std::vector<std::uint32_t> const& left_counts() const { return best_left_; }

  /// Whether a node is a leaf before any split is looked for.
  bool ends_at(std::int32_t depth, std::uint32_t rows, double weight, double impurity) const {
    return depth >= limits_.max_depth || rows < limits_.min_samples_split ||
           weight < 2 * min_weight_leaf_ || is_pure(impurity);
  }
  static bool is_pure(double impurity) { return impurity <= epsilon; }

  bool gains_enough(Split const& split) const {
    return split.improvement + epsilon >= limits_.min_impurity_decrease;
  }

 protected:
  using Score = typename Impurity::Score;

  /// Words that may be read where the weights of a node's classes start, however few these are.
  static constexpr auto readable = GiniScore::LaneSides::lanes;

  struct Best {
    int feature = -1;
    std::uint32_t code_low = 0;   ///< last code on the left
    std::uint32_t code_high = 0;  ///< first code on the right
    double threshold = 0;         ///< extra_trees draws it, else it follows from the codes
    std::uint32_t rows_left = 0;
  };

  /// Eight numbers must be readable at `totals`, however few classes there are: LaneSides loads
  /// them.
  void start(std::uint32_t rows, std::uint32_t const* totals) {
    rows_ = rows;
    totals_ = totals;
    best_ = {};
    best_score_ = Impurity::worst;
  }

  bool draws_thresholds() const { return problem_.parameters.kind == Kind::extra_trees; }

  /// As the function of this name does, with this node's best.
  template <class Draws, class LookAt>
  void draw_features(Draws& draws, LookAt look_at) {
    forest::draw_features(draws, limits_.max_features, look_at, [&] { return best_score_ >= 0; });
  }

  /// Tries all positions between codes of `range`, whose first and last occur. `slots` stand at
  /// range.low: [rows, weight of class 0, weight of class 1, ...] per code, and behind the last one
  /// so much that `readable` words may be read from any.
  void try_slots(int feature, Column const& column, CodeRange range, std::uint32_t const* slots) {
    with_sides([&](auto sides) { walk(std::move(sides), feature, column, range, slots); });
  }

  /// Those go left that have a 0 in the member; `ones` are its sums.
  void try_member(Best const& drawn, std::uint32_t const* ones) {
    for (std::size_t k = 0; k < best_left_.size(); ++k) part_[k] = totals_[k] - ones[1 + k];
    try_part(drawn, rows_ - ones[0]);
  }

  /// Tries to send the `rows_left` rows left that weigh `part_`.
  void try_part(Best drawn, std::uint32_t rows_left) {
    drawn.rows_left = rows_left;
    with_sides([&](auto sides) {
      sides.move(part_.data());
      if (improves(sides, rows_left)) keep(sides, drawn);
    });
  }

  /// Whether the sides as they stand make a valid split that is better than all before.
  template <class AnySides>
  bool improves(AnySides const& sides, std::uint32_t rows_left) {
    if (!sides.may_reach(best_score_)) return false;
    auto const rows_right = rows_ - rows_left;
    if (rows_left < limits_.min_samples_leaf || rows_right < limits_.min_samples_leaf) return false;
    if (min_weight_leaf_ > 0 &&
        (sides.weight_left() < min_weight_leaf_ || sides.weight_right() < min_weight_leaf_))
      return false;
    auto const score = sides.score();
    if (score <= best_score_) return false;
    best_score_ = score;
    return true;
  }

  template <class AnySides>
  void keep(AnySides const& sides, Best const& best) {
    best_ = best;
    sides.copy_left(best_left_.data());
  }

  /// False when no valid split was tried; else describes the best.
  bool finish(Split& split, double impurity) {
    if (best_.feature < 0) return false;
    auto const criterion = problem_.parameters.criterion;
    for (std::size_t k = 0; k < best_left_.size(); ++k) part_[k] = totals_[k] - best_left_[k];
    split.feature = best_.feature;
    split.rows_left = best_.rows_left;
    split.weight_left = node_weight(best_left_, class_weights_);
    ClassCounts const right{part_.data(), best_left_.size()};
    split.weight_right = node_weight(right, class_weights_);
    split.impurity_left = node_impurity(criterion, best_left_, class_weights_);
    split.impurity_right = node_impurity(criterion, right, class_weights_);
    auto const weight = node_weight({totals_, best_left_.size()}, class_weights_);
    split.improvement = improvement_of(split, impurity, weight, root_weight_);
    place_threshold(split);
    return true;
  }

  Column const& column_of(int feature) const {
    return problem_.columns[static_cast<std::size_t>(feature)];
  }

 private:
  template <class AnySides>
  void walk(AnySides sides, int feature, Column const& column, CodeRange range,
            std::uint32_t const* slots) {
    auto const stride = best_left_.size() + 1;
    auto const* values = column.block->values.data();
    auto low = range.low;
    sides.move(slots + 1);
    auto rows_left = slots[0];
    for (auto code = range.low + 1; code <= range.high; ++code) {
      slots += stride;
      if (slots[0] == 0) continue;
      if (!column.has_close_values || are_apart(values[low], values[code]))
        if (improves(sides, rows_left))
          keep(sides,
               {.feature = feature, .code_low = low, .code_high = code, .rows_left = rows_left});
      sides.move(slots + 1);
      rows_left += slots[0];
      low = code;
    }
  }

  /// Calls `work` with all rows on the right, for moves of whole codes.
  template <class Work>
  void with_sides(Work&& work) {
    if constexpr (Impurity::has_lanes)
      if (Impurity::LaneSides::fit(best_left_.size(), root_weight_))
        return work(score_.start_lanes(totals_));
    work(score_.start(totals_));
  }

  void place_threshold(Split& split) {
    auto const& block = *column_of(best_.feature).block;
    split.threshold = best_.threshold;
    split.code_threshold = best_.code_low;
    if (!block.is_group() && !draws_thresholds())
      place_midway(split, block.values, {best_.code_low, best_.code_high});
  }

  static constexpr double epsilon = std::numeric_limits<double>::epsilon();

 protected:
  Problem const& problem_;
  Limits const& limits_;
  std::span<double const> class_weights_;
  double root_weight_;
  double min_weight_leaf_;
  Impurity score_;
  std::uint32_t rows_ = 0;  ///< of the node
  std::uint32_t const* totals_ = nullptr;
  Best best_;
  Score best_score_ = Impurity::worst;
  std::vector<std::uint32_t> best_left_;
  std::vector<std::uint32_t> part_;  ///< weight per class, for a moment
};

}  // namespace canopy::forest
