#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "grow/bag.hpp"
#include "grow/compact_rows.hpp"
#include "grow/problem.hpp"
#include "split/best_split.hpp"
#include "split/group_counts.hpp"
#include "split/sorted_codes.hpp"
#include "split/split.hpp"

namespace canopy::forest {

/// A node that wants to be divided; Row is Sample or CompactRow.
template <class Row>
struct NodeRows {
  std::span<Row const> rows;
  std::uint32_t const* totals;  ///< weight per class
  double impurity;
};

/// Finds the split of a node as scikit-learn's BestSplitter and RandomSplitter do: features are
/// drawn until max_features have been seen and at least one of them was not constant; the first
/// best position wins. Allocates nothing per node.
template <class Impurity, class Draws, class Compact>
class SplitSearch : public BestSplit<Impurity> {
 public:
  SplitSearch(Problem const& problem, Bag const& bag, Impurity impurity, Draws& draws,
              CodeBuffer& codes)
      : Base{problem, bag, std::move(impurity)}, draws_{draws}, codes_{codes} {
    codes_.reserve(bag.samples.size());
    for (auto const& block : problem.table.blocks())
      groups_.emplace_back(block.is_group() ? block : nothing_, best_left_.size());
  }

  /// False when no feature offers a valid split. The draws must have entered the node.
  template <class Row>
  bool find(NodeRows<Row> const& node, Split& split) {
    start(node);
    draw_features(draws_, [&](int feature) { return look_at(feature, node.rows); });
    return finish(split, node.impurity);
  }

 private:
  using Base = BestSplit<Impurity>;
  using Base::best_left_, Base::part_, Base::problem_, Base::rows_, Base::score_, Base::totals_;
  using Base::column_of, Base::draw_features, Base::draws_thresholds, Base::finish;
  using Base::improves, Base::keep, Base::try_member, Base::try_part, Base::try_slots;
  using typename Base::Best;

  template <class Row>
  static constexpr bool is_compact = std::is_same_v<Row, Compact>;

  template <class Row>
  void start(NodeRows<Row> const& node) {
    Base::start(static_cast<std::uint32_t>(node.rows.size()), node.totals);
    ++serial_;
    if constexpr (is_compact<Row>) ranges_ = LaneRanges<Compact>{node.rows};
  }

  /// Tries a drawn feature; false when it is constant here.
  template <class Row>
  bool look_at(int feature, std::span<Row const> rows) {
    auto const& column = column_of(feature);
    auto const found = column.block->is_group() ? look_at_member(feature, column, rows)
                                                : look_at_ordinal(feature, column, rows);
    if (!found) draws_.mark_constant(feature);
    return found;
  }

  template <class Row>
  bool look_at_ordinal(int feature, Column const& column, std::span<Row const> rows) {
    if constexpr (!is_compact<Row>)
      if (!draws_thresholds() && counting_pays({0, column.block->codes - 1}))
        return look_at_all_codes(feature, column, rows);
    auto const range = range_of(column, rows);
    if (!is_variable(column, range)) return false;
    draws_.mark_variable();
    if (draws_thresholds())
      try_drawn_threshold(feature, column, range);
    else if (counting_pays(range))
      try_counted(feature, column, range, count(column, range, rows));
    else
      try_sorted(feature, column, range, rows);
    return true;
  }

  static bool is_variable(Column const& column, CodeRange range) {
    auto const values = column.block->values;
    return range.low != range.high && are_apart(values[range.low], values[range.high]);
  }

  /// Large nodes: counts first, over all codes of the column, and sees then which there are.
  template <class Row>
  bool look_at_all_codes(int feature, Column const& column, std::span<Row const> rows) {
    auto const stride = best_left_.size() + 1;
    CodeRange range{0, column.block->codes - 1};
    auto* slots =
        with_reader<Row>(*column.block, static_cast<std::size_t>(column.block_number),
                         [&](auto code_of) { return codes_.count(rows, code_of, range, stride); });
    while (slots[range.low * stride] == 0) ++range.low;
    while (slots[range.high * stride] == 0) --range.high;
    if (!is_variable(column, range)) {
      std::fill_n(slots + range.low * stride, (range.high - range.low + 1) * stride, 0);
      return false;
    }
    draws_.mark_variable();
    try_counted(feature, column, range, slots + range.low * stride);
    return true;
  }

  /// Compact rows know it; of others the codes are gathered on the way.
  template <class Row>
  CodeRange range_of(Column const& column, std::span<Row const> rows) {
    auto const lane = static_cast<std::size_t>(column.block_number);
    if constexpr (is_compact<Row>)
      return {ranges_->low[lane], ranges_->high[lane]};
    else
      return gather(column, rows);
  }

  template <class Row>
  CodeRange gather(Column const& column, std::span<Row const> rows) {
    return with_reader<Row>(*column.block, static_cast<std::size_t>(column.block_number),
                            [&](auto code_of) { return codes_.gather(rows, code_of); });
  }

  /// Counting costs the width of the range once per class, sorting costs the rows once per byte.
  bool counting_pays(CodeRange range) const {
    auto const slots = std::uint64_t{range.high - range.low + 1} * (best_left_.size() + 1);
    return slots <= 8 * std::uint64_t{rows_};
  }

  template <class Row>
  void try_sorted(int feature, Column const& column, CodeRange range, std::span<Row const> rows) {
    if constexpr (is_compact<Row>) gather(column, rows);
    auto const sorted = codes_.sort(range);
    auto const* values = column.block->values.data();
    auto sides = score_.start(totals_);
    for (std::uint32_t i = 0; i + 1 < sorted.size(); ++i) {
      sides.move(label_of(sorted[i]), weight_of(sorted[i]));
      auto const low = sorted[i].code();
      auto const high = sorted[i + 1].code();
      if (low == high) continue;
      if (column.has_close_values && !are_apart(values[low], values[high])) continue;
      if (improves(sides, i + 1))
        keep(sides, {.feature = feature, .code_low = low, .code_high = high, .rows_left = i + 1});
    }
  }

  template <class Row>
  std::uint32_t* count(Column const& column, CodeRange range, std::span<Row const> rows) {
    auto const stride = best_left_.size() + 1;
    if constexpr (is_compact<Row>)
      return with_reader<Row>(
          *column.block, static_cast<std::size_t>(column.block_number),
          [&](auto code_of) { return codes_.count(rows, code_of, range, stride); });
    else
      return codes_.count(codes_.unsorted(), std::mem_fn(&CodeKey::code), range, stride);
  }

  /// `slots` as CodeBuffer::count gives them, from range.low on.
  void try_counted(int feature, Column const& column, CodeRange range, std::uint32_t* slots) {
    try_slots(feature, column, range, slots);
    // The counters are left clean for the next feature.
    std::fill_n(slots, (range.high - range.low + 1) * (best_left_.size() + 1), 0);
  }

  /// The column has been gathered: extra_trees have no compact rows.
  void try_drawn_threshold(int feature, Column const& column, CodeRange range) {
    auto const values = column.block->values;
    auto const threshold = draw_threshold(draws_, values[range.low], values[range.high]);
    Best const drawn{.feature = feature,
                     .code_low = problem_.grid(column).last_at_most(threshold),
                     .threshold = threshold};
    try_part(drawn, count_left(drawn.code_low));
  }

  /// Number of rows with codes up to `last`; their weights per class go to `part_`. No branch
  /// depends on the data.
  std::uint32_t count_left(std::uint32_t last) {
    std::ranges::fill(part_, 0);
    std::uint32_t number = 0;
    for (auto const& key : codes_.unsorted()) {
      std::uint32_t const is_left = key.code() <= last;
      part_[label_of(key)] += is_left * weight_of(key);
      number += is_left;
    }
    return number;
  }

  template <class Row>
  bool look_at_member(int feature, Column const& column, std::span<Row const> rows) {
    auto& group = groups_[static_cast<std::size_t>(column.block_number)];
    if (group.node != serial_) count_group(group, column, rows);
    auto const* ones = group.at(column.member);
    if (ones[0] == 0 || ones[0] == rows_) return false;
    draws_.mark_variable();
    auto const threshold = draws_thresholds() ? draw_threshold(draws_, 0, 1) : 0.5;
    try_member({.feature = feature, .threshold = threshold}, ones);
    return true;
  }

  template <class Row>
  void count_group(GroupCounts& group, Column const& column, std::span<Row const> rows) {
    auto const& block = *column.block;
    with_reader<Row>(block, static_cast<std::size_t>(column.block_number),
                     [&](auto code_of) { group.count(rows, code_of); });
    group.node = serial_;
    if constexpr (Draws::knows_ahead)
      for (std::int32_t m = 0; m < block.features; ++m) {
        auto const ones = group.at(static_cast<std::uint32_t>(m))[0];
        if (ones == 0 || ones == rows_) draws_.mark_constant(block.first_feature + m);
      }
  }

  static inline data::Block const nothing_{};

  Draws& draws_;
  CodeBuffer& codes_;
  std::vector<GroupCounts> groups_;  ///< one per block; empty for ordinal ones
  std::uint64_t serial_ = 0;
  std::optional<LaneRanges<Compact>> ranges_;
};

}  // namespace canopy::forest
