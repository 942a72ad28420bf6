#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"

#include "bag.hpp"

namespace canopy::forest {

/// Calls `work` with the block's codes as a pointer to their own type.
template <class Work>
decltype(auto) with_codes(data::Block const& block, Work&& work) {
  switch (block.width) {
    case data::Block::Width::u8:
      return work(block.as<std::uint8_t>());
    case data::Block::Width::u16:
      return work(block.as<std::uint16_t>());
    default:
      return work(block.as<std::uint32_t>());
  }
}

/// Per class sums of a one-hot group's rows in one node, one entry per code, made when the first
/// member is drawn and used for the others.
class GroupCounts {
 public:
  GroupCounts(data::Block const& block, std::size_t classes)
      : stride_{classes + 1}, slots_(stride_ * block.codes) {}

  /// [rows, weight of class 0, weight of class 1, ...]
  std::uint32_t const* at(std::uint32_t code) const { return slots_.data() + code * stride_; }

  template <class Code>
  void count(Code const* codes, std::span<Sample const> rows) {
    clear();
    for (auto const& sample : rows) {
      auto* slot = slots_.data() + codes[sample.row] * stride_;
      if (slot[0]++ == 0) touched_.push_back(codes[sample.row]);
      slot[1 + sample.label] += sample.weight;
    }
  }

  std::uint64_t node = 0;  ///< serial number of the node that was counted

 private:
  void clear() {
    for (auto const code : touched_) std::fill_n(slots_.data() + code * stride_, stride_, 0);
    touched_.clear();
  }

  std::size_t stride_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint32_t> touched_;
};

}  // namespace canopy::forest
