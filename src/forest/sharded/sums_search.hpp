#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "grow/draws.hpp"
#include "split/best_split.hpp"
#include "split/gini_score.hpp"

namespace canopy::forest {

/// What is known of a node whose rows are spread over processes.
class NodeSums {
 public:
  /// Words behind the last code that may be read, see BestSplit::try_slots.
  static constexpr auto readable = GiniScore::LaneSides::lanes;

  /// Per code of the block [rows, weight of class 0, weight of class 1, ...]; null: not yet known.
  std::uint32_t const* of(std::int32_t block) const {
    auto const found = std::ranges::find(known_, block, &Known::block);
    return found == known_.end() ? nullptr : found->sums.data();
  }
  void add(std::int32_t block, std::span<std::uint32_t const> sums) {
    auto& known = known_.emplace_back(Known{block, {}});
    known.sums.reserve(sums.size() + readable);
    known.sums.assign(sums.begin(), sums.end());
    known.sums.resize(sums.size() + readable);
  }

 private:
  struct Known {
    std::int32_t block;
    std::vector<std::uint32_t> sums;
  };
  std::vector<Known> known_;  ///< few: about as many as a node draws features
};

/// Finds the split of a node from sums over its rows, as SplitSearch does from the rows.
template <class Impurity>
class SumsSearch : public BestSplit<Impurity> {
 public:
  SumsSearch(Problem const& problem, Bag const& bag, Impurity impurity, KeyedDraws& draws)
      : BestSplit<Impurity>{problem, bag, std::move(impurity)},
        draws_{draws},
        whole_(part_.size()) {}

  /// The blocks whose sums are missing. None: the search is done, and `has_split` tells whether
  /// `split` is one. Else the search is to be made again with them, from the start; a second answer
  /// may name blocks again, as what is drawn can depend on what was constant.
  std::vector<std::int32_t> const& find(Key const& place, std::uint32_t rows, ClassCounts totals,
                                        double impurity, NodeSums const& sums, Split& split) {
    std::ranges::copy(totals, whole_.begin());
    Base::start(rows, whole_.data());
    missing_.clear();
    draws_.enter(place, 0);
    draw_features(draws_, [&](int feature) { return look_at(feature, sums); });
    draws_.leave();
    has_split_ = missing_.empty() && finish(split, impurity);
    return missing_;
  }

  bool has_split() const { return has_split_; }

 private:
  using Base = BestSplit<Impurity>;
  using Base::best_left_, Base::part_, Base::rows_;
  using Base::column_of, Base::draw_features, Base::draws_thresholds;
  using Base::finish, Base::try_member, Base::try_part, Base::try_slots;
  using typename Base::Best;

  bool look_at(int feature, NodeSums const& sums) {
    auto const& column = column_of(feature);
    auto const* known = sums.of(column.block_number);
    auto const is_same_everywhere = column.block->codes == 1;
    if (!known && !is_same_everywhere) {
      ask_for(column.block_number);
      return true;
    }
    auto const is_variable =
        !is_same_everywhere && (column.block->is_group() ? look_at_member(feature, column, known)
                                                         : look_at_ordinal(feature, column, known));
    if (!is_variable) draws_.mark_constant(feature);
    return is_variable;
  }

  /// Goes on as if the feature were not constant: mostly it is not, and then all that the node
  /// draws is asked for at once.
  void ask_for(std::int32_t block) {
    draws_.mark_variable();
    if (std::ranges::find(missing_, block) == missing_.end()) missing_.push_back(block);
  }

  std::size_t stride() const { return best_left_.size() + 1; }

  CodeRange range_of(Column const& column, std::uint32_t const* sums) const {
    CodeRange range{0, column.block->codes - 1};
    while (sums[range.low * stride()] == 0) ++range.low;
    while (sums[range.high * stride()] == 0) --range.high;
    return range;
  }

  bool look_at_ordinal(int feature, Column const& column, std::uint32_t const* sums) {
    auto const range = range_of(column, sums);
    auto const values = column.block->values;
    if (range.low == range.high || !are_apart(values[range.low], values[range.high])) return false;
    draws_.mark_variable();
    if (draws_thresholds())
      try_drawn_threshold(feature, column, range, sums);
    else
      try_slots(feature, column, range, sums + range.low * stride());
    return true;
  }

  void try_drawn_threshold(int feature, Column const& column, CodeRange range,
                           std::uint32_t const* sums) {
    auto const values = column.block->values;
    auto const threshold = draw_threshold(draws_, values[range.low], values[range.high]);
    auto const last = Base::problem_.grid(column).last_at_most(threshold);
    std::ranges::fill(part_, 0);
    std::uint32_t rows_left = 0;
    for (auto code = range.low; code <= last; ++code) {
      auto const* slot = sums + code * stride();
      rows_left += slot[0];
      for (std::size_t k = 0; k < best_left_.size(); ++k) part_[k] += slot[1 + k];
    }
    try_part(Best{.feature = feature, .code_low = last, .threshold = threshold}, rows_left);
  }

  bool look_at_member(int feature, Column const& column, std::uint32_t const* sums) {
    auto const* ones = sums + column.member * stride();
    if (ones[0] == 0 || ones[0] == rows_) return false;
    draws_.mark_variable();
    auto const threshold = draws_thresholds() ? draw_threshold(draws_, 0, 1) : 0.5;
    try_member(Best{.feature = feature, .threshold = threshold}, ones);
    return true;
  }

  KeyedDraws& draws_;
  std::vector<std::uint32_t> whole_;  ///< weight per class of the node, as much as may be read
  std::vector<std::int32_t> missing_;
  bool has_split_ = false;
};

}  // namespace canopy::forest
