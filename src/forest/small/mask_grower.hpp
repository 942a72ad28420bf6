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
template <class Impurity, class Draws>
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
        rows_{problem.table, bag.class_counts.size()} {}

  static bool may_grow(Problem const& problem) {
    return problem.has_whole_sums && !problem.limits.max_leaf_nodes && MaskRows::fit(problem.table);
  }

  /// The subtree of `root`. Row is Sample or CompactRow.
  template <class Row>
  void grow(std::span<Row const> rows, PendingNode<Draws> const& root) {
    rows_.start(rows);
    stack_.assign(1, {root, rows_.all()});
    while (!stack_.empty()) {
      auto node = stack_.back();
      stack_.pop_back();
      add(node);
    }
  }

 private:
  using Score = typename Impurity::Score;

  struct Pending : PendingNode<Draws> {
    RowMask rows;
  };
  struct Class {
    RowMask rows;
    std::uint32_t weight;
    std::uint32_t label;
  };
  struct Best {
    int feature = -1;
    std::uint16_t code = 0;        ///< the last one on the left, in an ordinal column
    std::uint32_t table_code = 0;  ///< the last one at most a drawn threshold
    double threshold = 0;          ///< extra_trees draws it
    RowMask left = 0;
  };

  void add(Pending& node) {
    number_ = builder_.append({rows_.distinct(node.rows), node.impurity, node.weight, node.depth,
                               node.parent, node.is_left});
    if (node.rows != 0 && node.impurity <= epsilon)
      return builder_.leave(number_, rows_.label(node.rows));
    enter(node);
    if (is_leaf(node) || !divide(node)) leave();
  }

  /// False when no split is worth it.
  bool divide(Pending& node) {
    auto const place = node.place();
    draws_.enter(place, node.known_constants);
    search();
    node.known_constants = draws_.leave();
    if (best_.feature < 0) return false;
    Split split;
    complete(split, node);
    if (split.improvement + epsilon < limits_.min_impurity_decrease) return false;
    builder_.divide(number_, split);
    stack_.push_back({node.right_child(number_, split, place), all_ & ~best_.left});
    stack_.push_back({node.left_child(number_, split, place), best_.left});
    return true;
  }

  /// Works out the node's classes. No branch depends on the data.
  void enter(Pending const& node) {
    all_ = node.rows;
    classes_ = 0;
    for (auto const& known : rows_.classes()) {
      auto const rows = known.rows & all_;
      auto const weight = count(rows);
      class_[classes_] = {rows, weight, known.label};
      classes_ += rows != 0;
    }
  }

  /// The node stays a leaf, of several classes.
  void leave() {
    auto const values = builder_.values(number_);
    for (std::size_t k = 0; k < classes_; ++k) values[class_[k].label] = class_[k].weight;
  }

  bool is_leaf(Pending const& node) const {
    return node.depth >= limits_.max_depth ||
           rows_.distinct(node.rows) < limits_.min_samples_split ||
           node.weight < 2 * min_weight_leaf_;
  }

  void search() {
    best_ = {};
    best_score_ = Impurity::worst;
    draw_features(
        draws_, limits_.max_features, [&](int feature) { return look_at(feature); },
        [&] { return best_score_ >= 0; });
  }

  bool draws_thresholds() const { return problem_.parameters.kind == Kind::extra_trees; }

  /// Tries a drawn feature; false when it is constant here.
  bool look_at(int feature) {
    auto const& column = problem_.columns[static_cast<std::size_t>(feature)];
    auto const& codes = rows_.column(static_cast<std::size_t>(column.block_number));
    auto const found = column.block->is_group() ? look_at_member(feature, column, codes)
                                                : look_at_ordinal(feature, column, codes);
    if (!found) draws_.mark_constant(feature);
    return found;
  }

  bool look_at_member(int feature, Column const& column, MaskColumn const& codes) {
    auto const ones = codes.equal_to(static_cast<std::uint16_t>(column.member)) & all_;
    if (ones == 0 || ones == all_) return false;
    draws_.mark_variable();
    auto const threshold = draws_thresholds() ? draw_threshold(draws_, 0, 1) : 0.5;
    try_left({.feature = feature, .threshold = threshold, .left = all_ & ~ones});
    return true;
  }

  bool look_at_ordinal(int feature, Column const& column, MaskColumn const& codes) {
    if (draws_thresholds() || column.has_close_values) {
      CodeEnds ends;
      ends.add(codes, all_);
      auto const low = ends.smallest();
      auto const high = ends.largest();
      auto const range = table_range(column, low, high);
      auto const values = column.block->values;
      if (low == high || !are_apart(values[range.low], values[range.high])) return false;
      draws_.mark_variable();
      if (draws_thresholds())
        try_drawn_threshold(feature, column, codes, range);
      else
        try_all_codes(feature, column, codes);
      return true;
    }
    auto const first = codes.codes[static_cast<std::size_t>(std::countr_zero(all_))];
    if ((codes.equal_to(first) & all_) == all_) return false;
    draws_.mark_variable();
    try_all_codes(feature, column, codes);
    return true;
  }

  CodeRange table_range(Column const& column, std::uint16_t low, std::uint16_t high) const {
    auto const block = static_cast<std::size_t>(column.block_number);
    return {rows_.table_code(block, low), rows_.table_code(block, high)};
  }

  void try_drawn_threshold(int feature, Column const& column, MaskColumn const& codes,
                           CodeRange range) {
    auto const values = column.block->values;
    auto const threshold = draw_threshold(draws_, values[range.low], values[range.high]);
    auto const last_left = problem_.grid(column).last_at_most(threshold);
    auto const code = rows_.code_here(static_cast<std::size_t>(column.block_number), last_left);
    try_left({.feature = feature,
              .code = code,
              .table_code = last_left,
              .threshold = threshold,
              .left = codes.at_most(code) & all_});
  }

  /// Every code of the node but the largest may be the last one on the left.
  void try_all_codes(int feature, Column const& column, MaskColumn const& codes) {
    for (auto rows = all_; rows != 0;) {
      auto const code = codes.codes[static_cast<std::size_t>(std::countr_zero(rows))];
      rows &= ~codes.equal_to(code);
      auto const left = codes.at_most(code) & all_;
      if (left == all_) continue;
      if (column.has_close_values && !is_apart_from_next(column, codes, code, left)) continue;
      try_left({.feature = feature, .code = code, .left = left});
    }
  }

  bool is_apart_from_next(Column const& column, MaskColumn const& codes, std::uint16_t code,
                          RowMask left) const {
    auto const range = table_range(column, code, codes.smallest(all_ & ~left));
    return are_apart(column.block->values[range.low], column.block->values[range.high]);
  }

  void try_left(Best const& candidate) {
    if (limits_.min_samples_leaf > 1 && has_small_side(candidate.left)) return;
    auto sum = impurity_.sum();
    for (std::size_t k = 0; k < classes_; ++k) {
      auto const weight = count(class_[k].rows & candidate.left);
      sum.add(weight, class_[k].weight - weight);
    }
    if (!sum.may_reach(best_score_)) return;
    if (min_weight_leaf_ > 0 &&
        (sum.weight_left() < min_weight_leaf_ || sum.weight_right() < min_weight_leaf_))
      return;
    auto const score = sum.score();
    if (score < best_score_ || (score == best_score_ && !comes_first(candidate))) return;
    best_score_ = score;
    best_ = candidate;
  }

  bool has_small_side(RowMask left) const {
    return rows_.distinct(left) < limits_.min_samples_leaf ||
           rows_.distinct(all_ & ~left) < limits_.min_samples_leaf;
  }

  /// Of equal splits the first one wins: of the feature drawn first, at its lowest code.
  bool comes_first(Best const& candidate) const {
    return candidate.feature == best_.feature && candidate.code < best_.code;
  }

  void complete(Split& split, Pending const& node) {
    auto const& column = problem_.columns[static_cast<std::size_t>(best_.feature)];
    split.feature = best_.feature;
    split.rows_left = rows_.distinct(best_.left);
    std::array<std::uint32_t, most_mask_rows> left;
    std::array<std::uint32_t, most_mask_rows> right;
    for (std::size_t k = 0; k < classes_; ++k) {
      left[k] = count(class_[k].rows & best_.left);
      right[k] = class_[k].weight - left[k];
    }
    split.weight_left = count(best_.left);
    split.weight_right = count(all_ & ~best_.left);
    split.impurity_left = impurity_of({left.data(), classes_}, split.weight_left);
    split.impurity_right = impurity_of({right.data(), classes_}, split.weight_right);
    split.improvement = improvement_of(split, node.impurity, node.weight, root_weight_);
    place_threshold(split, column);
  }

  double impurity_of(ClassCounts counts, double weight) const {
    if constexpr (requires { Impurity::impurity_of(counts, weight); })
      return Impurity::impurity_of(counts, weight);
    else
      return node_impurity(problem_.parameters.criterion, counts,
                           std::span{ones_}.first(counts.size()));
  }

  void place_threshold(Split& split, Column const& column) {
    auto const block = static_cast<std::size_t>(column.block_number);
    split.threshold = best_.threshold;
    split.code_threshold = best_.table_code;
    if (column.block->is_group() || draws_thresholds()) return;
    auto const next = rows_.column(block).smallest(all_ & ~best_.left);
    place_midway(split, column.block->values, table_range(column, best_.code, next));
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
  MaskRows rows_;
  std::vector<Pending> stack_;
  // the node that is being divided
  std::int32_t number_ = 0;
  RowMask all_ = 0;
  std::array<Class, most_mask_rows + 1> class_;  ///< and one to write to
  std::size_t classes_ = 0;
  Best best_;
  Score best_score_ = Impurity::worst;
};

}  // namespace canopy::forest
