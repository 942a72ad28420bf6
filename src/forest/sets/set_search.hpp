#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "grow/bag.hpp"
#include "grow/problem.hpp"
#include "sets/rows_by_class.hpp"
#include "split/best_split.hpp"
#include "split/split.hpp"

namespace canopy::forest {

/// A node whose rows are a set of packed ones.
template <class Code>
struct SetNode {
  RowsByClass<Code>& among;
  std::span<RowMask const> set;  ///< among.words()
  std::uint32_t rows;            ///< distinct ones
  std::uint32_t const* totals;   ///< weight per class
  double impurity;
};

/// Finds the split of a node of an extremely randomized tree as SplitSearch does. What goes left by
/// a threshold or by a one-hot member is a few instructions per 64 rows, and so is what it weighs.
template <class Impurity, class Draws, class Code>
class SetSearch : public BestSplit<Impurity> {
 public:
  SetSearch(Problem const& problem, Bag const& bag, Impurity impurity, Draws& draws)
      : Base{problem, bag, std::move(impurity)}, draws_{draws} {}

  /// False when no feature offers a valid split. The draws must have entered the node.
  bool find(SetNode<Code> const& node, Split& split) {
    Base::start(node.rows, node.totals);
    node_ = &node;
    left_.resize(node.set.size());
    draw_features(draws_, [&](int feature) { return look_at(feature); });
    if (!finish(split, node.impurity)) return false;
    fill_left(best_);
    return true;
  }

  /// The rows on the left of the split that was found last.
  std::span<RowMask const> left() const { return left_; }

 private:
  using Base = BestSplit<Impurity>;
  using Base::best_, Base::part_, Base::problem_;
  using Base::column_of, Base::draw_features, Base::finish, Base::try_part;
  using typename Base::Best;

  static std::size_t block_of(Column const& column) {
    return static_cast<std::size_t>(column.block_number);
  }

  /// Tries a drawn feature; false when it is constant here.
  bool look_at(int feature) {
    auto const& column = column_of(feature);
    auto const found = column.block->is_group() ? look_at_member(feature, column)
                                                : look_at_ordinal(feature, column);
    if (!found) draws_.mark_constant(feature);
    return found;
  }

  bool look_at_member(int feature, Column const& column) {
    auto const* ones = node_->among.ones(feature, block_of(column), column.member);
    RowMask some = 0;
    RowMask others = 0;
    for (std::size_t w = 0; w < left_.size(); ++w) {
      auto const all = node_->set[w];
      left_[w] = all & ~ones[w];
      others |= left_[w];
      some |= all & ones[w];
    }
    if (some == 0 || others == 0) return false;
    draws_.mark_variable();
    try_left({.feature = feature, .threshold = draw_threshold(draws_, 0, 1)});
    return true;
  }

  bool look_at_ordinal(int feature, Column const& column) {
    auto const* codes = node_->among.column(block_of(column));
    auto const range = range_of(codes);
    auto const values = column.block->values;
    if (range.low == range.high || !are_apart(values[range.low], values[range.high])) return false;
    draws_.mark_variable();
    auto const threshold = draw_threshold(draws_, values[range.low], values[range.high]);
    Best const drawn{.feature = feature,
                     .code_low = problem_.grid(column).last_at_most(threshold),
                     .threshold = threshold};
    fill_left(drawn);
    try_left(drawn);
    return true;
  }

  CodeRange range_of(MaskColumn<Code> const* codes) const {
    CodeEnds<Code> ends;
    for (std::size_t w = 0; w < left_.size(); ++w) ends.add(codes[w], node_->set[w]);
    return {ends.smallest(), ends.largest()};
  }

  void fill_left(Best const& best) {
    auto const& column = column_of(best.feature);
    auto const set = node_->set;
    if (column.block->is_group()) {
      auto const* ones = node_->among.ones(best.feature, block_of(column), column.member);
      for (std::size_t w = 0; w < left_.size(); ++w) left_[w] = set[w] & ~ones[w];
    } else {
      auto const code = static_cast<Code>(best.code_low);
      auto const* codes = node_->among.column(block_of(column));
      for (std::size_t w = 0; w < left_.size(); ++w) left_[w] = codes[w].at_most(code) & set[w];
    }
  }

  /// The rows on the left stand in left_.
  void try_left(Best const& candidate) {
    auto const weight = node_->among.weigh(left_, part_);
    try_part(candidate, node_->among.has_repeats() ? node_->among.distinct(left_) : weight);
  }

  Draws& draws_;
  SetNode<Code> const* node_ = nullptr;
  std::vector<RowMask> left_;
};

}  // namespace canopy::forest
