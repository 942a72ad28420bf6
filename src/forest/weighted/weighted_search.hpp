#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "grow/problem.hpp"
#include "split/draw_features.hpp"
#include "split/group_counts.hpp"
#include "split/split.hpp"
#include "weighted/introsort.hpp"
#include "weighted/weighted_bag.hpp"
#include "weighted/weighted_criterion.hpp"

namespace canopy::forest {

/// Memory that the weighted trees of a forest use one after another.
struct WeightedMemory {
  WeightedBag bag;
  std::vector<RowKey> spare;
  Introsort introsort;
  Tree tree;
  std::vector<std::uint32_t> rows_of_code;  ///< zero between two features
  std::vector<double> weights_of_code;      ///< per class; zero between two features
};

/// Finds the split of a node for rows with real weights, as BestSplitter and RandomSplitter of
/// scikit-learn 1.2.1 do (sklearn/tree/_splitter.pyx), and puts its rows to their sides.
///
/// Sums of such weights are rounded, so there the order of the rows decides between splits that
/// gain nearly the same. Draws that repeat scikit-learn's numbers get its order too: rows are
/// sorted by each drawn feature and swapped to their sides as it does. Other draws come with
/// weights whose sums are exact; then any order will do, and codes are sorted the quickest way.
template <class Draws>
class WeightedSearch {
 public:
  WeightedSearch(Problem const& problem, Draws& draws, WeightedMemory& memory)
      : problem_{problem},
        limits_{problem.limits},
        draws_{draws},
        memory_{memory},
        criterion_{problem.parameters.criterion, static_cast<std::size_t>(problem.table.classes()),
                   memory.bag.items},
        min_weight_leaf_{problem.parameters.min_weight_fraction_leaf * memory.bag.weight_by_numpy},
        part_(static_cast<std::size_t>(problem.table.classes())) {
    if (!keeps_order)
      for (auto const& block : problem.table.blocks())
        groups_.emplace_back(block.is_group() ? block : data::Block{}, part_.size());
    memory_.spare.resize(std::max(memory_.spare.size(), memory_.bag.keys.size()));
    memory_.introsort.reserve(memory_.bag.keys.size());
  }

  double min_weight_leaf() const { return min_weight_leaf_; }

  /// Goes to the node of the rows at begin .. end-1 in the bag and weighs it.
  WeightedCriterion& enter(std::uint32_t begin, std::uint32_t end) {
    rows_ = std::span{memory_.bag.keys}.subspan(begin, end - begin);
    criterion_.enter(rows_);
    return criterion_;
  }

  /// False when no feature offers a valid split. The draws must have entered the node as well.
  /// Afterwards the first split.rows_left rows of the node are those of the left child.
  bool find(double impurity, Split& split) {
    best_ = {};
    ++serial_;
    draw_features(
        draws_, limits_.max_features, [&](int feature) { return look_at(feature); },
        [&] { return best_.score >= 0; });
    if (best_.feature < 0) return false;
    complete(split, impurity);
    return true;
  }

 private:
  static constexpr bool keeps_order = !Draws::knows_ahead;
  static constexpr std::size_t few_rows = 64;

  struct Best {
    int feature = -1;
    std::uint32_t code_low = 0;   ///< last code on the left
    std::uint32_t code_high = 0;  ///< first code on the right
    double threshold = 0;
    std::uint32_t rows_left = 0;
    double score = -std::numeric_limits<double>::infinity();
  };

  bool draws_thresholds() const { return problem_.parameters.kind == Kind::extra_trees; }

  static std::span<float const> values_of(Column const& column) {
    static constexpr std::array<float, 2> member{0, 1};
    return column.block->is_group() ? std::span{member} : column.block->values;
  }

  Column const& column_of(int feature) const {
    return problem_.columns[static_cast<std::size_t>(feature)];
  }

  /// Tries a drawn feature; false when it is constant here.
  bool look_at(int feature) {
    auto const& column = column_of(feature);
    if (!keeps_order && column.block->is_group()) return look_at_member(feature, column);
    auto const values = values_of(column);
    auto const range = gather(column);
    gathered_ = feature;
    auto const counts = !draws_thresholds() && !keeps_order && counting_pays(range);
    if (range.low != range.high && !draws_thresholds() && !counts) sort(range);
    if (range.low == range.high || !are_apart(values[range.low], values[range.high])) {
      draws_.mark_constant(feature);
      return false;
    }
    draws_.mark_variable();
    if (draws_thresholds())
      try_drawn_threshold(feature, values, range);
    else if (counts)
      try_counted(feature, column, range);
    else
      try_sorted(feature, column);
    return true;
  }

  /// Gives each row of the node its code in the column.
  CodeRange gather(Column const& column) {
    auto const* codes = memory_.bag.codes_of(static_cast<std::size_t>(column.block_number));
    auto const member = column.member;
    if (column.block->is_group())
      return gather([=](std::uint32_t item) { return std::uint32_t{codes[item] == member}; });
    return gather([=](std::uint32_t item) { return codes[item]; });
  }

  template <class CodeOf>
  CodeRange gather(CodeOf code_of) {
    CodeRange range{~0u, 0};
    for (auto& key : rows_) {
      auto const code = code_of(key.item());
      range.low = std::min(range.low, code);
      range.high = std::max(range.high, code);
      key = {code, key.item()};
    }
    return range;
  }

  void sort(CodeRange range) {
    if (keeps_order || rows_.size() <= few_rows) return memory_.introsort.sort(rows_, range);
    auto const bits = static_cast<int>(std::bit_width(range.high - range.low));
    auto const spare = std::span{memory_.spare}.first(rows_.size());
    for (int shift = 0; shift < bits; shift += 16) {
      sort_digit(rows_, spare, range.low, shift);
      sort_digit(spare, rows_, range.low, shift + 8);
    }
  }

  /// One pass of a radix sort over digit `shift` of (code - low); keeps the order of equals.
  static void sort_digit(std::span<RowKey const> from, std::span<RowKey> to, std::uint32_t low,
                         int shift) {
    std::array<std::uint32_t, 256> next{};
    auto const digit = [=](RowKey key) { return (key.code() - low) >> shift & 255; };
    for (auto const key : from) ++next[digit(key)];
    std::uint32_t sum = 0;
    for (auto& place : next) sum += std::exchange(place, sum);
    for (auto const key : from) to[next[digit(key)]++] = key;
  }

  void try_sorted(int feature, Column const& column) {
    auto const values = values_of(column);
    auto const rows = static_cast<std::uint32_t>(rows_.size());
    criterion_.reset();
    for (auto p = end_of_run(0); p < rows; p = end_of_run(p)) {
      auto const low = rows_[p - 1].code();
      auto const high = rows_[p].code();
      if (column.has_close_values && !are_apart(values[low], values[high])) continue;
      if (!leaves_have_rows(p)) continue;
      criterion_.move_to(p);
      try_position({.feature = feature, .code_low = low, .code_high = high, .rows_left = p});
    }
  }

  /// Where the rows with the same code as row `begin` end.
  std::uint32_t end_of_run(std::uint32_t begin) const {
    auto const rows = static_cast<std::uint32_t>(rows_.size());
    auto const code = rows_[begin].code();
    auto end = begin + 1;
    for (std::uint32_t step = 1; end < rows && rows_[end].code() == code; step *= 2) {
      begin = end;
      end = std::min(begin + step, rows);
    }
    auto const after = std::upper_bound(rows_.begin() + begin, rows_.begin() + end, code,
                                        [](auto c, RowKey key) { return c < key.code(); });
    return static_cast<std::uint32_t>(after - rows_.begin());
  }

  /// Counting costs the width of the range once per class, sorting the rows once per byte.
  bool counting_pays(CodeRange range) const {
    auto const slots =
        std::uint64_t{range.high - range.low + 1} * criterion_.class_weights().size();
    return slots <= 4 * rows_.size();
  }

  void try_counted(int feature, Column const& column, CodeRange range) {
    auto const values = values_of(column);
    auto const classes = criterion_.class_weights().size();
    auto const codes = std::size_t{range.high - range.low + 1};
    auto& counts = memory_.rows_of_code;
    auto& weights = memory_.weights_of_code;
    if (counts.size() < codes) counts.resize(codes);
    if (weights.size() < codes * classes) weights.resize(codes * classes);
    for (auto const key : rows_) {
      auto const& item = memory_.bag.items[key.item()];
      ++counts[key.code() - range.low];
      weights[(key.code() - range.low) * classes + item.label] += item.weight;
    }
    criterion_.reset();
    auto low = range.low;
    std::uint32_t rows_left = 0;
    for (auto code = range.low; code <= range.high; ++code) {
      auto& count = counts[code - range.low];
      if (count == 0) continue;
      if (rows_left > 0 && (!column.has_close_values || are_apart(values[low], values[code])) &&
          leaves_have_rows(rows_left))
        try_position(
            {.feature = feature, .code_low = low, .code_high = code, .rows_left = rows_left});
      auto* of_code = weights.data() + (code - range.low) * classes;
      criterion_.add_left(of_code);
      rows_left += std::exchange(count, 0);
      std::fill_n(of_code, classes, 0.0);  // clean for the next feature
      low = code;
    }
  }

  void try_drawn_threshold(int feature, std::span<float const> values, CodeRange range) {
    auto const threshold = draw_threshold(draws_, values[range.low], values[range.high]);
    auto const code = last_code_at_most(values, range, threshold);
    Best position{.feature = feature, .code_low = code, .threshold = threshold};
    if (!keeps_order) {
      position.rows_left = weigh_left(code);
      return try_part(position);
    }
    position.rows_left = partition(code);
    if (!leaves_have_rows(position.rows_left)) return;
    criterion_.reset();
    criterion_.move_to(position.rows_left);
    try_position(position);
  }

  /// Number of rows with codes up to `last`; what they weigh per class goes to `part_`.
  std::uint32_t weigh_left(std::uint32_t last) {
    std::ranges::fill(part_, 0.0);
    std::uint32_t number = 0;
    for (auto const key : rows_) {
      auto const& item = memory_.bag.items[key.item()];
      auto const is_left = key.code() <= last;
      part_[item.label] += is_left ? item.weight : 0.0;
      number += is_left;
    }
    return number;
  }

  /// Tries to send the rows that weigh `part_` left.
  void try_part(Best const& position) {
    if (!leaves_have_rows(position.rows_left)) return;
    criterion_.reset();
    criterion_.add_left(part_.data());
    try_position(position);
  }

  /// A member of a one-hot group; those rows go left that have a 0. One count serves all members.
  bool look_at_member(int feature, Column const& column) {
    auto& group = groups_[static_cast<std::size_t>(column.block_number)];
    if (group.node != serial_) {
      auto const* codes = memory_.bag.codes_of(static_cast<std::size_t>(column.block_number));
      group.count(
          std::span<RowKey const>{rows_}, [=](RowKey key) { return codes[key.item()]; },
          [&](RowKey key) -> auto const& { return memory_.bag.items[key.item()]; });
      group.node = serial_;
    }
    auto const* ones = group.at(column.member);
    auto const number = static_cast<std::uint32_t>(ones[0]);
    if (number == 0 || number == rows_.size()) {
      draws_.mark_constant(feature);
      return false;
    }
    draws_.mark_variable();
    auto const threshold = draws_thresholds() ? draw_threshold(draws_, 0, 1) : 0.5;
    for (std::size_t k = 0; k < part_.size(); ++k)
      part_[k] = criterion_.class_weights()[k] - ones[1 + k];
    try_part({.feature = feature,
              .code_high = 1,
              .threshold = threshold,
              .rows_left = static_cast<std::uint32_t>(rows_.size()) - number});
    return true;
  }

  /// Swaps rows with larger codes to the end; gives the number of those that stay.
  std::uint32_t partition(std::uint32_t last_left) {
    std::size_t left = 0;
    for (auto end = rows_.size(); left < end;) {
      auto const key = rows_[left];
      std::size_t const is_left = key.code() <= last_left;
      end -= 1 - is_left;
      auto& other = rows_[is_left ? left : end];
      rows_[left] = other;
      other = key;
      left += is_left;
    }
    return static_cast<std::uint32_t>(left);
  }

  bool leaves_have_rows(std::uint32_t rows_left) const {
    return rows_left >= limits_.min_samples_leaf &&
           rows_.size() - rows_left >= limits_.min_samples_leaf;
  }

  /// Keeps the position the criterion stands at if it is valid and better than all before.
  void try_position(Best position) {
    if (criterion_.weight_left() < min_weight_leaf_ || criterion_.weight_right() < min_weight_leaf_)
      return;
    position.score = keeps_order ? criterion_.score() : criterion_.quick_score();
    if (position.score > best_.score) best_ = position;
  }

  void complete(Split& split, double impurity) {
    auto const& column = column_of(best_.feature);
    split.threshold = best_.threshold;
    split.code_threshold = best_.code_low;
    if (!draws_thresholds())
      place_midway(split, values_of(column), {best_.code_low, best_.code_high});
    if (!keeps_order || !draws_thresholds() || gathered_ != best_.feature) {
      gather(column);
      partition(split.code_threshold);
    }
    criterion_.reset();
    criterion_.move_to(best_.rows_left);
    auto const [left, right] = criterion_.impurities();
    split.feature = best_.feature;
    split.rows_left = best_.rows_left;
    split.weight_left = criterion_.weight_left();
    split.weight_right = criterion_.weight_right();
    split.impurity_left = left;
    split.impurity_right = right;
    split.improvement = improvement_of(split, impurity, criterion_.weight(), memory_.bag.weight);
    if (column.block->is_group()) split.code_threshold = 0;
  }

  Problem const& problem_;
  Limits const& limits_;
  Draws& draws_;
  WeightedMemory& memory_;
  WeightedCriterion criterion_;
  double min_weight_leaf_;
  std::span<RowKey> rows_;                 ///< of the node
  std::vector<GroupSums<double>> groups_;  ///< one per block, where the order does not matter
  std::uint64_t serial_ = 0;               ///< of the node
  std::vector<double> part_;               ///< weight per class, for a moment
  Best best_;
  int gathered_ = -1;  ///< the feature whose codes the rows have
};

}  // namespace canopy::forest
