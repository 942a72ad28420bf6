#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "split/split.hpp"

namespace canopy::forest {

/// A row of a node with its code in the column that is looked at: 8 bytes that move together.
class RowKey {
 public:
  RowKey() = default;
  RowKey(std::uint32_t code, std::uint32_t item) : bits_{std::uint64_t{code} << 32 | item} {}

  std::uint32_t code() const { return static_cast<std::uint32_t>(bits_ >> 32); }
  std::uint32_t item() const { return static_cast<std::uint32_t>(bits_); }

 private:
  std::uint64_t bits_ = 0;
};

/// Sorts by code and leaves rows of equal codes in the very order in which scikit-learn 1.2.1's
/// sort() (sklearn/tree/_splitter.pyx: quicksort with the median of three, heapsort below a depth)
/// leaves samples of equal values. Comparing ranks is comparing values.
///
/// It is quicker because it does not do the same swaps: rows that must end up in the same places
/// are moved there in passes without a branch that depends on the data, and where all codes are
/// distinct there is but one order.
class Introsort {
 public:
  /// For up to so many keys at once.
  void reserve(std::size_t keys);
  /// All codes must be in the range.
  void sort(std::span<RowKey> keys, CodeRange range);

 private:
  struct Parts {
    std::size_t smaller;  ///< number of keys below the pivot
    std::size_t larger;   ///< where those above it begin
  };

  void sort(std::span<RowKey> keys, CodeRange range, int depth);
  Parts partition(std::span<RowKey> keys, CodeRange range, std::uint32_t pivot);
  static Parts partition_one_by_one(std::span<RowKey> keys, std::uint32_t pivot);
  std::size_t move_larger(std::span<RowKey> keys, std::uint32_t pivot);
  static std::size_t move_smaller(std::span<RowKey> keys, std::uint32_t pivot);

  std::vector<RowKey> from_front_;
  std::vector<RowKey> from_back_;
  std::vector<std::uint32_t> places_;
};

}  // namespace canopy::forest
