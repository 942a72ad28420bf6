#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "bag.hpp"

namespace canopy::forest {

/// The smallest and largest code of a node's rows in one column.
struct CodeRange {
  std::uint32_t low;
  std::uint32_t high;
};

/// A row as the split search sorts it: code above, then weight and label.
class CodeKey {
 public:
  CodeKey() = default;
  CodeKey(std::uint32_t code, Sample const& sample)
      : bits_{std::uint64_t{code} << 32 | std::uint64_t{sample.weight} << 16 | sample.label} {}

  std::uint32_t code() const { return static_cast<std::uint32_t>(bits_ >> 32); }
  std::uint32_t label() const { return static_cast<std::uint16_t>(bits_); }
  std::uint32_t weight() const { return static_cast<std::uint16_t>(bits_ >> 16); }

 private:
  std::uint64_t bits_;
};

/// One column of one node's rows, gathered once and then sorted or counted. Memory is taken once
/// and serves all nodes.
class CodeBuffer {
 public:
  explicit CodeBuffer(std::size_t most_rows) : keys_(most_rows), spare_(most_rows) {}

  template <class Code>
  CodeRange gather(Code const* codes, std::span<Sample const> rows) {
    std::uint32_t low = ~0u;
    std::uint32_t high = 0;
    auto* key = keys_.data();
    for (auto const& sample : rows) {
      std::uint32_t const code = codes[sample.row];
      low = code < low ? code : low;
      high = code > high ? code : high;
      *key++ = CodeKey{code, sample};
    }
    rows_ = rows.size();
    return {low, high};
  }

  std::span<CodeKey const> unsorted() const { return {keys_.data(), rows_}; }

  /// The gathered rows by ascending code. They may be taken once after each gather().
  std::span<CodeKey const> sort(CodeRange range);

  /// Per code from range.low on: [rows, weight of class 0, weight of class 1, ...], `stride`
  /// numbers. The caller sets to zero again what it has read.
  std::uint32_t* count(CodeRange range, std::size_t stride);

 private:
  void sort_by_insertion();

  std::vector<CodeKey> keys_;
  std::vector<CodeKey> spare_;
  std::size_t rows_ = 0;
  std::vector<std::uint32_t> slots_;  ///< zero between two features
};

}  // namespace canopy::forest
