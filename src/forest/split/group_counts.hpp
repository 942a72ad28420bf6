#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"

#include "grow/bag.hpp"

namespace canopy::forest {

/// Per class sums of a one-hot group's rows in one node, one entry per code, made when the first
/// member is drawn and used for the others. Number is what weights are summed in.
template <class Number>
class GroupSums {
 public:
  GroupSums(data::Block const& block, std::size_t classes)
      : stride_{classes + 1}, slots_(stride_ * block.codes) {}

  /// [rows, weight of class 0, weight of class 1, ...]
  Number const* at(std::uint32_t code) const { return slots_.data() + code * stride_; }

  /// `code_of(row)` gives the code of a Row, `item_of(row)` something with a label and a weight.
  template <class Row, class CodeOf, class ItemOf = std::identity>
  void count(std::span<Row const> rows, CodeOf code_of, ItemOf item_of = {}) {
    clear();
    for (auto const& row : rows) {
      auto const code = code_of(row);
      auto const& item = item_of(row);
      auto* slot = slots_.data() + code * stride_;
      if (slot[0]++ == 0) touched_.push_back(code);
      slot[1 + label_of(item)] += weight_of(item);
    }
  }

  std::uint64_t node = 0;  ///< serial number of the node that was counted

 private:
  void clear() {
    if (4 * touched_.size() > slots_.size() / stride_)
      std::ranges::fill(slots_, 0u);
    else
      for (auto const code : touched_) std::fill_n(slots_.data() + code * stride_, stride_, 0);
    touched_.clear();
  }

  std::size_t stride_;
  std::vector<Number> slots_;
  std::vector<std::uint32_t> touched_;
};

using GroupCounts = GroupSums<std::uint32_t>;

}  // namespace canopy::forest
