#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "bag.hpp"
#include "group_counts.hpp"
#include "problem.hpp"
#include "sorted_codes.hpp"

namespace canopy::forest {

/// How a node is divided.
struct Split {
  int feature = -1;
  double threshold = 0;
  std::uint32_t code_threshold = 0;  ///< as in Node
  std::uint32_t rows_left = 0;
  double weight_left = 0;
  double weight_right = 0;
  double impurity_left = 0;
  double impurity_right = 0;
  double improvement = 0;  ///< impurity decrease, weighted by the node's share of the tree
};

/// A node that wants to be divided.
struct NodeRows {
  std::span<Sample const> rows;
  std::uint32_t const* totals;  ///< weight per class
  double impurity;
};

/// Finds the split of a node as scikit-learn's BestSplitter and RandomSplitter do: features are
/// drawn until max_features have been seen and at least one of them was not constant; the first
/// best position wins. Allocates nothing per node.
template <class Impurity, class Draws>
class SplitSearch {
 public:
  SplitSearch(Problem const& problem, Bag const& bag, Impurity impurity, Draws& draws)
      : problem_{problem},
        limits_{problem.limits},
        class_weights_{bag.class_weights},
        root_weight_{bag.weight()},
        min_weight_leaf_{problem.parameters.min_weight_fraction_leaf * root_weight_},
        sides_{std::move(impurity)},
        draws_{draws},
        codes_{bag.samples.size()},
        best_left_(bag.class_counts.size()) {
    for (auto const& block : problem.table.blocks())
      groups_.emplace_back(block.is_group() ? block : nothing_, best_left_.size());
  }

  double min_weight_leaf() const { return min_weight_leaf_; }
  /// Weight per class on the left side of the split that was found last.
  std::vector<std::uint32_t> const& left_counts() const { return best_left_; }

  /// False when no feature offers a valid split. The draws must have entered the node.
  bool find(NodeRows const& node, Split& split) {
    start(node);
    int visited = 0;
    int constant = 0;
    while (draws_.has_more() && (visited < limits_.max_features || visited <= constant)) {
      ++visited;
      auto const [feature, known_constant] = draws_.next();
      if (known_constant || !look_at(feature)) ++constant;
    }
    if (best_.feature < 0) return false;
    complete(split);
    return true;
  }

 private:
  using Score = typename Impurity::Score;

  struct Best {
    int feature = -1;
    std::uint32_t code_low = 0;   ///< last code on the left
    std::uint32_t code_high = 0;  ///< first code on the right
    double threshold = 0;         ///< extra_trees draws it, else it follows from the codes
    std::uint32_t rows_left = 0;
  };

  bool draws_thresholds() const { return problem_.parameters.kind == Kind::extra_trees; }
  std::uint32_t rows() const { return static_cast<std::uint32_t>(node_.rows.size()); }

  void start(NodeRows const& node) {
    node_ = node;
    ++serial_;
    best_ = {};
    best_score_ = Impurity::worst;
  }

  /// Tries a drawn feature; false when it is constant here.
  bool look_at(int feature) {
    auto const& column = problem_.columns[static_cast<std::size_t>(feature)];
    auto const found = column.block->is_group() ? look_at_member(feature, column)
                                                : look_at_ordinal(feature, column);
    if (!found) draws_.mark_constant(feature);
    return found;
  }

  bool look_at_ordinal(int feature, Column const& column) {
    auto const range = with_codes(
        *column.block, [&](auto const* codes) { return codes_.gather(codes, node_.rows); });
    auto const values = column.block->values;
    if (range.low == range.high || !are_apart(values[range.low], values[range.high])) return false;
    draws_.mark_variable();
    if (draws_thresholds())
      try_drawn_threshold(feature, values, range);
    else if (counting_pays(range))
      try_counted(feature, column, range);
    else
      try_sorted(feature, column, range);
    return true;
  }

  /// Counting costs the width of the range once per class, sorting costs the rows once per byte.
  bool counting_pays(CodeRange range) const {
    auto const slots = std::uint64_t{range.high - range.low + 1} * (best_left_.size() + 1);
    return slots <= 8 * std::uint64_t{rows()};
  }

  void try_sorted(int feature, Column const& column, CodeRange range) {
    auto const sorted = codes_.sort(range);
    auto const* values = column.block->values.data();
    sides_.start(node_.totals);
    for (std::uint32_t i = 0; i + 1 < sorted.size(); ++i) {
      sides_.move(sorted[i].label(), sorted[i].weight());
      auto const low = sorted[i].code();
      auto const high = sorted[i + 1].code();
      if (low == high) continue;
      if (column.has_close_values && !are_apart(values[low], values[high])) continue;
      if (improves(i + 1))
        keep({.feature = feature, .code_low = low, .code_high = high, .rows_left = i + 1});
    }
  }

  void try_counted(int feature, Column const& column, CodeRange range) {
    auto const stride = best_left_.size() + 1;
    auto* slots = codes_.count(range, stride);
    auto const* values = column.block->values.data();
    sides_.start(node_.totals);
    auto low = range.low;
    std::uint32_t rows_left = 0;
    for (auto code = range.low;; ++code, slots += stride) {
      if (slots[0] == 0) continue;
      if (rows_left > 0 && (!column.has_close_values || are_apart(values[low], values[code])))
        if (improves(rows_left))
          keep({.feature = feature, .code_low = low, .code_high = code, .rows_left = rows_left});
      if (code < range.high) sides_.move(slots + 1);
      rows_left += slots[0];
      low = code;
      std::fill_n(slots, stride, 0);  // leaves the counters clean for the next feature
      if (code == range.high) break;
    }
  }

  void try_drawn_threshold(int feature, std::span<float const> values, CodeRange range) {
    double const low = values[range.low];
    double const high = values[range.high];
    auto threshold = draws_.threshold(low, high);
    if (threshold == high) threshold = low;
    auto const last_left = code_threshold(values, range, threshold);
    auto const rows_left = count_left(last_left);
    sides_.start(node_.totals);
    sides_.move(part_.data());
    if (improves(rows_left))
      keep({.feature = feature,
            .code_low = last_left,
            .threshold = threshold,
            .rows_left = rows_left});
  }

  /// Number of rows with codes up to `last`; their weights per class go to `part_`. No branch
  /// depends on the data.
  std::uint32_t count_left(std::uint32_t last) {
    std::ranges::fill(part_, 0);
    std::uint32_t number = 0;
    for (auto const& key : codes_.unsorted()) {
      std::uint32_t const is_left = key.code() <= last;
      part_[key.label()] += is_left * key.weight();
      number += is_left;
    }
    return number;
  }

  /// The last code whose value is at most `threshold`, where value(low) <= threshold < value(high).
  static std::uint32_t code_threshold(std::span<float const> values, CodeRange range,
                                      double threshold) {
    auto code = range.low;
    for (auto count = range.high - range.low; count > 1;) {
      auto const half = count / 2;
      code += values[code + half] <= threshold ? half : 0;
      count -= half;
    }
    return code;
  }

  bool look_at_member(int feature, Column const& column) {
    auto& group = groups_[static_cast<std::size_t>(column.block_number)];
    if (group.node != serial_) count_group(group, *column.block);
    auto const* ones = group.at(column.member);
    if (ones[0] == 0 || ones[0] == rows()) return false;
    draws_.mark_variable();
    auto const threshold = draws_thresholds() ? draws_.threshold(0, 1) : 0.5;
    auto const rows_left = rows() - ones[0];  // where the member is 0
    for (std::size_t k = 0; k < part_.size(); ++k) part_[k] = node_.totals[k] - ones[1 + k];
    sides_.start(node_.totals);
    sides_.move(part_.data());
    if (improves(rows_left))
      keep({.feature = feature, .threshold = threshold, .rows_left = rows_left});
    return true;
  }

  void count_group(GroupCounts& group, data::Block const& block) {
    with_codes(block, [&](auto const* codes) { group.count(codes, node_.rows); });
    group.node = serial_;
    if constexpr (Draws::knows_ahead)
      for (std::int32_t m = 0; m < block.features; ++m) {
        auto const ones = group.at(static_cast<std::uint32_t>(m))[0];
        if (ones == 0 || ones == rows()) draws_.mark_constant(block.first_feature + m);
      }
  }

  /// Whether the sides as they stand make a valid split that is better than all before.
  bool improves(std::uint32_t rows_left) {
    auto const rows_right = rows() - rows_left;
    if (rows_left < limits_.min_samples_leaf || rows_right < limits_.min_samples_leaf) return false;
    if (min_weight_leaf_ > 0 &&
        (sides_.weight_left() < min_weight_leaf_ || sides_.weight_right() < min_weight_leaf_))
      return false;
    auto const score = sides_.score();
    if (score <= best_score_) return false;
    best_score_ = score;
    return true;
  }

  void keep(Best const& best) {
    best_ = best;
    std::copy_n(sides_.left(), best_left_.size(), best_left_.begin());
  }

  void complete(Split& split) {
    auto const criterion = problem_.parameters.criterion;
    for (std::size_t k = 0; k < part_.size(); ++k) part_[k] = node_.totals[k] - best_left_[k];
    split.feature = best_.feature;
    split.rows_left = best_.rows_left;
    split.weight_left = node_weight(best_left_, class_weights_);
    split.weight_right = node_weight(part_, class_weights_);
    split.impurity_left = node_impurity(criterion, best_left_, class_weights_);
    split.impurity_right = node_impurity(criterion, part_, class_weights_);
    auto const weight = node_weight({node_.totals, part_.size()}, class_weights_);
    split.improvement = weight / root_weight_ *
                        (node_.impurity - split.weight_right / weight * split.impurity_right -
                         split.weight_left / weight * split.impurity_left);
    place_threshold(split);
  }

  /// Midway between two values. Of two float32 that is exact in double, so it is less than the
  /// larger one and scikit-learn's guard against equality is not needed.
  void place_threshold(Split& split) {
    auto const& block = *problem_.columns[static_cast<std::size_t>(best_.feature)].block;
    split.threshold = best_.threshold;
    split.code_threshold = best_.code_low;
    if (block.is_group() || draws_thresholds()) return;
    double const low = block.values[best_.code_low];
    double const high = block.values[best_.code_high];
    split.threshold = low / 2.0 + high / 2.0;
    split.code_threshold =
        code_threshold(block.values, {best_.code_low, best_.code_high}, split.threshold);
  }

  static inline data::Block const nothing_{};

  Problem const& problem_;
  Limits const& limits_;
  std::span<double const> class_weights_;
  double root_weight_;
  double min_weight_leaf_;
  Impurity sides_;
  Draws& draws_;
  CodeBuffer codes_;
  std::vector<GroupCounts> groups_;  ///< one per block; empty for ordinal ones
  NodeRows node_{};
  std::uint64_t serial_ = 0;
  Best best_;
  Score best_score_ = Impurity::worst;
  std::vector<std::uint32_t> best_left_;
  std::vector<std::uint32_t> part_ = best_left_;  ///< weight per class, for a moment
};

}  // namespace canopy::forest
