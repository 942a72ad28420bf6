#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "bag.hpp"
#include "compact_rows.hpp"
#include "group_counts.hpp"
#include "problem.hpp"
#include "sorted_codes.hpp"
#include "split.hpp"

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
template <class Impurity, class Draws, std::size_t Lanes>
class SplitSearch {
 public:
  SplitSearch(Problem const& problem, Bag const& bag, Impurity impurity, Draws& draws,
              CodeBuffer& codes)
      : problem_{problem},
        limits_{problem.limits},
        class_weights_{bag.class_weights},
        root_weight_{bag.weight()},
        min_weight_leaf_{problem.parameters.min_weight_fraction_leaf * root_weight_},
        score_{std::move(impurity)},
        draws_{draws},
        codes_{codes},
        best_left_(bag.class_counts.size()),
        part_(std::max(best_left_.size(), std::size_t{8})),
        lane_counts_(best_left_.size()) {
    codes_.reserve(bag.samples.size());
    for (auto const& block : problem.table.blocks())
      groups_.emplace_back(block.is_group() ? block : nothing_, best_left_.size());
  }

  double min_weight_leaf() const { return min_weight_leaf_; }
  /// Weight per class on the left side of the split that was found last.
  std::vector<std::uint32_t> const& left_counts() const { return best_left_; }

  /// False when no feature offers a valid split. The draws must have entered the node.
  template <class Row>
  bool find(NodeRows<Row> const& node, Split& split) {
    start(node);
    int visited = 0;
    int constant = 0;
    while (draws_.has_more() && (visited < limits_.max_features || visited <= constant)) {
      ++visited;
      auto const [feature, known_constant] = draws_.next();
      if (known_constant || !look_at(feature, node.rows)) ++constant;
      if (is_perfect()) break;
    }
    if constexpr (is_compact<Row>)
      if (!postponed_.empty()) try_postponed(node.rows);
    if (best_.feature < 0) return false;
    complete(split, node.impurity);
    return true;
  }

 private:
  using Score = typename Impurity::Score;
  using Compact = CompactRow<Lanes>;
  using Vector = typename Compact::Vector;

  struct Best {
    int feature = -1;
    std::uint32_t code_low = 0;   ///< last code on the left
    std::uint32_t code_high = 0;  ///< first code on the right
    double threshold = 0;         ///< extra_trees draws it, else it follows from the codes
    std::uint32_t rows_left = 0;
  };

  template <class Row>
  static constexpr bool is_compact = std::is_same_v<Row, Compact>;

  bool draws_thresholds() const { return problem_.parameters.kind == Kind::extra_trees; }

  template <class Row>
  void start(NodeRows<Row> const& node) {
    rows_ = static_cast<std::uint32_t>(node.rows.size());
    totals_ = node.totals;
    ++serial_;
    best_ = {};
    best_score_ = Impurity::worst;
    if constexpr (is_compact<Row>) ranges_ = LaneRanges<Lanes>{node.rows};
  }

  /// Nothing is better than two pure sides, and the first of equals wins. A generator that has
  /// one sequence for the whole tree must go on all the same.
  bool is_perfect() const {
    if constexpr (Draws::knows_ahead) return best_score_ >= 0;
    return false;
  }

  /// Tries a drawn feature; false when it is constant here.
  template <class Row>
  bool look_at(int feature, std::span<Row const> rows) {
    auto const& column = problem_.columns[static_cast<std::size_t>(feature)];
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
      try_drawn_threshold<Row>(feature, column, range);
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
    with_sides([&](auto sides) { try_slots(std::move(sides), feature, column, range, slots); });
    // The counters are left clean for the next feature.
    std::fill_n(slots, (range.high - range.low + 1) * (best_left_.size() + 1), 0);
  }

  template <class AnySides>
  void try_slots(AnySides sides, int feature, Column const& column, CodeRange range,
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

  /// Tries the threshold at once, or together with those of the other features.
  template <class Row>
  void try_drawn_threshold(int feature, Column const& column, CodeRange range) {
    auto const values = column.block->values;
    auto const threshold = draw_threshold(draws_, values[range.low], values[range.high]);
    Best const drawn{.feature = feature,
                     .code_low = last_code_at_most(values, range, threshold),
                     .threshold = threshold};
    if constexpr (is_compact<Row>)
      postponed_.push_back(drawn);
    else
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

  static std::uint32_t sum_of(std::array<Vector, 2> const& halves, Column const& column) {
    return halves[0][column.block_number] + halves[1][column.block_number];
  }

  /// One walk over the rows serves all thresholds: each ordinal column has its own lane. Rows take
  /// turns between two sets of counters, so that one need not wait for the other's store.
  void try_postponed(std::span<Compact const> rows) {
    Vector last_left = Vector{} - 1;
    for (auto const& drawn : postponed_)
      if (auto const& column = column_of(drawn); !column.block->is_group())
        last_left[column.block_number] = static_cast<std::uint16_t>(drawn.code_low);
    std::ranges::fill(lane_counts_, std::array<Vector, 2>{});
    std::array<Vector, 2> number{};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto const is_left = static_cast<Vector>(rows[i].lanes <= last_left) & 1;
      number[i % 2] += is_left;
      lane_counts_[label_of(rows[i])][i % 2] +=
          is_left * static_cast<std::uint16_t>(weight_of(rows[i]));
    }
    for (auto const& drawn : postponed_) {
      auto const& column = column_of(drawn);
      if (column.block->is_group()) {
        try_member(drawn, column);
        continue;
      }
      for (std::size_t k = 0; k < best_left_.size(); ++k)
        part_[k] = sum_of(lane_counts_[k], column);
      try_part(drawn, sum_of(number, column));
    }
    postponed_.clear();
  }

  Column const& column_of(Best const& drawn) const {
    return problem_.columns[static_cast<std::size_t>(drawn.feature)];
  }

  template <class Row>
  bool look_at_member(int feature, Column const& column, std::span<Row const> rows) {
    auto& group = groups_[static_cast<std::size_t>(column.block_number)];
    if (group.node != serial_) count_group(group, column, rows);
    auto const* ones = group.at(column.member);
    if (ones[0] == 0 || ones[0] == rows_) return false;
    draws_.mark_variable();
    auto const threshold = draws_thresholds() ? draw_threshold(draws_, 0, 1) : 0.5;
    Best const drawn{.feature = feature, .threshold = threshold};
    if (is_compact<Row> && draws_thresholds())
      postponed_.push_back(drawn);
    else
      try_member(drawn, column);
    return true;
  }

  /// Those go left that have a 0.
  void try_member(Best const& drawn, Column const& column) {
    auto const* ones = groups_[static_cast<std::size_t>(column.block_number)].at(column.member);
    for (std::size_t k = 0; k < best_left_.size(); ++k) part_[k] = totals_[k] - ones[1 + k];
    try_part(drawn, rows_ - ones[0]);
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

  void complete(Split& split, double impurity) {
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
  }

  void place_threshold(Split& split) {
    auto const& block = *column_of(best_).block;
    split.threshold = best_.threshold;
    split.code_threshold = best_.code_low;
    if (!block.is_group() && !draws_thresholds())
      place_midway(split, block.values, {best_.code_low, best_.code_high});
  }

  static inline data::Block const nothing_{};

  Problem const& problem_;
  Limits const& limits_;
  std::span<double const> class_weights_;
  double root_weight_;
  double min_weight_leaf_;
  Impurity score_;
  Draws& draws_;
  CodeBuffer& codes_;
  std::vector<GroupCounts> groups_;  ///< one per block; empty for ordinal ones
  std::uint32_t rows_ = 0;           ///< of the node
  std::uint32_t const* totals_ = nullptr;
  std::uint64_t serial_ = 0;
  std::optional<LaneRanges<Lanes>> ranges_;
  Best best_;
  Score best_score_ = Impurity::worst;
  std::vector<Best> postponed_;  ///< drawn thresholds that are tried together
  std::vector<std::uint32_t> best_left_;
  std::vector<std::uint32_t> part_;                 ///< weight per class, for a moment
  std::vector<std::array<Vector, 2>> lane_counts_;  ///< per class the weight that goes left
};

}  // namespace canopy::forest
