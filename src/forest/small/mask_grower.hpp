#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "grow/bag.hpp"
#include "grow/pending_node.hpp"
#include "grow/problem.hpp"
#include "grow/tree_builder.hpp"
#include "small/mask_rows.hpp"
#include "split/draw_features.hpp"
#include "split/impurity.hpp"
#include "split/split.hpp"

namespace canopy::forest {

/// Grows subtrees that weigh up to 64. A node is a set of rows in one word: dividing it moves
/// nothing, a column is compared with a code in a few instructions, and the weight of a class on
/// one side is a count of bits. Finds the same splits as SplitSearch, for scores of whole sums.
template <class Impurity, class Draws, class Code>
class MaskGrower {
 public:
  MaskGrower(Problem const& problem, Bag const& bag, Impurity const& impurity, Draws& draws,
             TreeBuilder& builder)
      : problem_{problem},
        limits_{problem.limits},
        root_weight_{bag.weight()},
        min_weight_leaf_{problem.parameters.min_weight_fraction_leaf * root_weight_},
        impurity_{impurity},
        draws_{draws},
        builder_{builder},
        rows_{problem.table, bag.class_counts.size()},
        varying_(static_cast<std::size_t>(limits_.max_features)) {}

  static bool may_grow(Problem const& problem) {
    return problem.has_whole_sums && !problem.limits.max_leaf_nodes;
  }

  /// The subtree of `root`, whose rows are `rows` as MaskRows can be started with them.
  template <class... Rows>
  void grow(PendingNode<Draws> const& root, Rows&&... rows) {
    rows_.start(rows...);
    stack_.assign(1, {root, rows_.all()});
    while (!stack_.empty()) {
      auto node = stack_.back();
      stack_.pop_back();
      while (add(node)) {
      }
    }
  }

 private:
  using Sum = typename Impurity::Sum;
  using Score = typename Impurity::Score;
  static constexpr bool knows_impurities = requires(Sum sum) { sum.impurity_left(); };

  struct Pending : PendingNode<Draws> {
    RowMask rows;
  };
  struct Candidate {
    int feature = -1;
    Code code = 0;         ///< the last one on the left, in an ordinal column
    double threshold = 0;  ///< extra_trees draws it
  };

  /// Puts the node into the tree. If it is divided, `node` becomes its left child and the right one
  /// waits.
  bool add(Pending& node) {
    number_ = builder_.append({rows_.distinct(node.rows), node.impurity, node.weight, node.depth,
                               node.parent, node.is_left});
    if (node.rows != 0 && node.impurity <= epsilon) {
      builder_.leave(number_, rows_.classes().label(node.rows));
      return false;
    }
    all_ = node.rows;
    if (!is_leaf(node) && divide(node)) return true;
    leave();
    return false;
  }

  /// False when no split is worth it.
  bool divide(Pending& node) {
    best_ = {};
    best_score_ = Impurity::worst;
    search(node);
    if (best_.feature < 0) return false;
    Split split;
    complete(split, node);
    if (split.improvement + epsilon < limits_.min_impurity_decrease) return false;
    builder_.divide(number_, split);
    auto const& places = draws_.children();
    stack_.push_back({node.right_child(number_, split, places), all_ & ~best_left_});
    node = {node.left_child(number_, split, places), best_left_};
    return true;
  }

  /// The node stays a leaf, of several classes.
  void leave() {
    auto const values = builder_.values(number_);
    rows_.classes().for_each(
        all_, [&](std::uint32_t label, RowMask rows) { values[label] = count(rows); });
  }

  bool is_leaf(Pending const& node) const {
    return node.depth >= limits_.max_depth ||
           rows_.distinct(node.rows) < limits_.min_samples_split ||
           node.weight < 2 * min_weight_leaf_;
  }

  void search(Pending& node) {
    if constexpr (Draws::knows_ahead) {
      draws_.enter(node.place);
      search_ahead();
      draws_.leave();
    } else {
      draws_.enter(node.place, node.known_constants);
      draw_features(
          draws_, limits_.max_features, [&](int feature) { return look_at(feature); },
          [&] { return best_score_ >= 0; });
      node.known_constants = draws_.leave();
    }
  }

  /// As draw_features() does it. But nobody can foresee which of the features vary: those that
  /// are drawn at any rate are drawn and sorted out without a branch, and only then tried.
  void search_ahead() {
    std::size_t found = 0;
    auto* const varying = varying_.data();
    draws_.draw_first(static_cast<std::uint32_t>(limits_.max_features), [&](int feature) {
      varying[found] = feature;
      found += rows_.may_vary(feature, all_);
    });
    bool any = false;
    for (std::size_t i = 0; i < found; ++i) {
      any |= try_feature(varying_[i]);
      if (best_score_ >= 0) return;
    }
    while (!any && draws_.has_undrawn()) {
      auto const feature = draws_.draw();
      any = rows_.may_vary(feature, all_) && try_feature(feature);
    }
  }

  bool draws_thresholds() const { return problem_.parameters.kind == Kind::extra_trees; }

  /// Tries a drawn feature; false when it is constant here.
  bool look_at(int feature) {
    auto const found = try_feature(feature);
    if (found)
      draws_.mark_variable();
    else
      draws_.mark_constant(feature);
    return found;
  }

  bool try_feature(int feature) {
    auto const& column = problem_.columns[static_cast<std::size_t>(feature)];
    auto const& codes = rows_.column(static_cast<std::size_t>(column.block_number));
    return column.is_member ? try_member(feature) : try_ordinal(feature, column, codes);
  }

  bool try_member(int feature) {
    auto const ones = rows_.ones(feature) & all_;
    if (ones == 0 || ones == all_) return false;
    auto const threshold = draws_thresholds() ? draw_threshold(draws_, 0, 1) : 0.5;
    try_left({.feature = feature, .threshold = threshold}, all_ & ~ones);
    return true;
  }

  bool try_ordinal(int feature, Column const& column, MaskColumn<Code> const& codes) {
    if (draws_thresholds() || column.has_close_values) {
      CodeEnds<Code> ends;
      ends.add(codes, all_);
      CodeRange const range{ends.smallest(), ends.largest()};
      auto const values = column.block->values;
      if (range.low == range.high || !are_apart(values[range.low], values[range.high]))
        return false;
      if (draws_thresholds())
        try_drawn_threshold(feature, column, codes, range);
      else
        try_all_codes(feature, column, codes);
      return true;
    }
    auto const first = codes.codes[static_cast<std::size_t>(std::countr_zero(all_))];
    if ((codes.equal_to(first) & all_) == all_) return false;
    try_all_codes(feature, column, codes);
    return true;
  }

  void try_drawn_threshold(int feature, Column const& column, MaskColumn<Code> const& codes,
                           CodeRange range) {
    auto const values = column.block->values;
    auto const threshold = draw_threshold(draws_, values[range.low], values[range.high]);
    auto const code = static_cast<Code>(problem_.grid(column).last_at_most(threshold));
    try_left({.feature = feature, .code = code, .threshold = threshold},
             codes.at_most(code) & all_);
  }

  /// Every code of the node but the largest may be the last one on the left.
  void try_all_codes(int feature, Column const& column, MaskColumn<Code> const& codes) {
    for (auto rows = all_; rows != 0;) {
      auto const code = codes.codes[static_cast<std::size_t>(std::countr_zero(rows))];
      rows &= ~codes.equal_to(code);
      auto const left = codes.at_most(code) & all_;
      if (left == all_) continue;
      if (column.has_close_values && !is_apart_from_next(column, codes, code, left)) continue;
      try_left({.feature = feature, .code = code}, left);
    }
  }

  bool is_apart_from_next(Column const& column, MaskColumn<Code> const& codes, Code code,
                          RowMask left) const {
    auto const values = column.block->values;
    return are_apart(values[code], values[codes.smallest(all_ & ~left)]);
  }

  void try_left(Candidate const& candidate, RowMask left) {
    if (limits_.min_samples_leaf > 1 && has_small_side(left)) return;
    auto const sum = sum_of(left);
    if (!draws_thresholds() && !sum.may_reach(best_score_)) return;  // pays where many are tried
    if (min_weight_leaf_ > 0 &&
        (sum.weight_left() < min_weight_leaf_ || sum.weight_right() < min_weight_leaf_))
      return;
    auto const score = sum.score();
    if (score < best_score_ || (score == best_score_ && !comes_first(candidate))) return;
    best_score_ = score;
    best_ = candidate;
    best_left_ = left;
    if constexpr (knows_impurities) {
      best_impurity_left_ = sum.impurity_left();
      best_impurity_right_ = sum.impurity_right();
    }
  }

  bool has_small_side(RowMask left) const {
    return rows_.distinct(left) < limits_.min_samples_leaf ||
           rows_.distinct(all_ & ~left) < limits_.min_samples_leaf;
  }

  Sum sum_of(RowMask left) const {
    auto const right = all_ & ~left;
    auto sum = impurity_.sum();
    if constexpr (requires { sum.set(0u, 0u, 0u, 0u); }) {
      auto const squares = rows_.classes().squares(left, right);
      sum.set(count(left), squares.left, count(right), squares.right);
    } else {
      rows_.classes().for_each(all_, [&](std::uint32_t, RowMask rows) {
        sum.add(count(rows & left), count(rows & right));
      });
    }
    return sum;
  }

  /// Of equal splits the first one wins: of the feature drawn first, at its lowest code.
  bool comes_first(Candidate const& candidate) const {
    return candidate.feature == best_.feature && candidate.code < best_.code;
  }

  void complete(Split& split, Pending const& node) {
    auto const& column = problem_.columns[static_cast<std::size_t>(best_.feature)];
    auto const right = all_ & ~best_left_;
    split.feature = best_.feature;
    split.rows_left = rows_.distinct(best_left_);
    split.weight_left = count(best_left_);
    split.weight_right = count(right);
    if constexpr (knows_impurities) {
      split.impurity_left = best_impurity_left_;
      split.impurity_right = best_impurity_right_;
    } else {
      split.impurity_left = impurity_of(best_left_);
      split.impurity_right = impurity_of(right);
    }
    split.improvement = improvement_of(split, node.impurity, node.weight, root_weight_);
    place_threshold(split, column);
  }

  double impurity_of(RowMask side) const {
    std::array<std::uint32_t, most_mask_rows> counts;
    std::size_t classes = 0;
    rows_.classes().for_each(side,
                             [&](std::uint32_t, RowMask rows) { counts[classes++] = count(rows); });
    return node_impurity(problem_.parameters.criterion, {counts.data(), classes},
                         std::span{ones_}.first(classes));
  }

  void place_threshold(Split& split, Column const& column) {
    auto const block = static_cast<std::size_t>(column.block_number);
    split.threshold = best_.threshold;
    split.code_threshold = best_.code;
    if (column.block->is_group() || draws_thresholds()) return;
    auto const next = rows_.column(block).smallest(all_ & ~best_left_);
    place_midway(split, column.block->values, {best_.code, next});
  }

  static constexpr double epsilon = std::numeric_limits<double>::epsilon();
  static constexpr auto ones_ = [] {
    std::array<double, most_mask_rows> ones;
    ones.fill(1.0);
    return ones;
  }();

  Problem const& problem_;
  Limits const& limits_;
  double root_weight_;
  double min_weight_leaf_;
  Impurity const& impurity_;
  Draws& draws_;
  TreeBuilder& builder_;
  MaskRows<Code> rows_;
  std::vector<int> varying_;
  std::vector<Pending> stack_;
  // the node that is being divided
  std::int32_t number_ = 0;
  RowMask all_ = 0;
  Candidate best_;
  RowMask best_left_ = 0;
  Score best_score_ = Impurity::worst;
  double best_impurity_left_ = 0;
  double best_impurity_right_ = 0;
};

}  // namespace canopy::forest
