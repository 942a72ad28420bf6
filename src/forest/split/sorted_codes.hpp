#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "grow/bag.hpp"
#include "split/split.hpp"

namespace canopy::forest {

/// A row as the split search sorts it: code above, then weight and label.
class CodeKey {
 public:
  CodeKey() = default;  ///< no row: those weigh something
  CodeKey(std::uint32_t code, std::uint32_t label, std::uint32_t weight)
      : bits_{std::uint64_t{code} << 32 | weight << 16 | label} {}

  std::uint32_t code() const { return static_cast<std::uint32_t>(bits_ >> 32); }
  friend std::uint32_t label_of(CodeKey key) { return static_cast<std::uint16_t>(key.bits_); }
  friend std::uint32_t weight_of(CodeKey key) {
    return static_cast<std::uint16_t>(key.bits_ >> 16);
  }

  friend auto operator<=>(CodeKey, CodeKey) = default;

 private:
  std::uint64_t bits_ = 0;
};

/// One column of one node's rows, gathered once and then sorted or counted. Memory is taken once
/// and serves all nodes.
class CodeBuffer {
 public:
  /// Makes room for nodes of up to so many rows.
  void reserve(std::size_t most_rows) {
    if (keys_.size() >= most_rows) return;
    keys_.resize(most_rows);
    spare_.resize(most_rows);
  }

  /// `code_of(row)` gives the code of a Row.
  template <class Row, class CodeOf>
  CodeRange gather(std::span<Row const> rows, CodeOf code_of) {
    std::uint32_t low = ~0u;
    std::uint32_t high = 0;
    auto* key = keys_.data();
    for (auto const& row : rows) {
      std::uint32_t const code = code_of(row);
      low = code < low ? code : low;
      high = code > high ? code : high;
      *key++ = CodeKey{code, label_of(row), weight_of(row)};
    }
    rows_ = rows.size();
    return {low, high};
  }

  std::span<CodeKey const> unsorted() const { return {keys_.data(), rows_}; }

  /// The gathered rows by ascending code. They may be taken once after each gather().
  std::span<CodeKey const> sort(CodeRange range);

  /// Per code from range.low on: [rows, weight of class 0, weight of class 1, ...], `stride`
  /// numbers. The caller sets to zero again what it has read.
  template <class Row, class CodeOf>
  std::uint32_t* count(std::span<Row const> rows, CodeOf code_of, CodeRange range,
                       std::size_t stride) {
    auto const needed = (range.high - range.low + 1) * stride + readable_beyond;
    if (slots_.size() < needed) slots_.resize(needed);
    for (auto const& row : rows) {
      auto* slot = slots_.data() + (code_of(row) - range.low) * stride;
      ++slot[0];
      slot[1 + label_of(row)] += weight_of(row);
    }
    return slots_.data();
  }

 private:
  void sort_by_rank();
  void sort_by_counting(CodeRange range);

  /// Eight weights can be read from any slot on.
  static constexpr std::size_t readable_beyond = 8;

  std::vector<CodeKey> keys_;
  std::vector<CodeKey> spare_;
  std::size_t rows_ = 0;
  std::vector<std::uint32_t> starts_;
  std::vector<std::uint32_t> slots_;  ///< zero between two features
};

}  // namespace canopy::forest
