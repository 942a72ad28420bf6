#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "canopy/forest/tree.hpp"

#include "model/pairwise_sum.hpp"

namespace canopy::forest {

/// Whole numbers that are worked on by one instruction.
template <std::size_t N>
struct Lanes {
  static constexpr std::size_t count = N;
  using Vector [[gnu::vector_size(4 * N)]] = std::uint32_t;
  /// For memory that holds vectors of another size.
  using Any [[gnu::vector_size(4 * N), gnu::may_alias]] = std::uint32_t;
  using Signed [[gnu::vector_size(4 * N)]] = std::int32_t;

  Vector v{};
};

using NodeNumbers = Lanes<8>;  ///< of one node, for eight classes
using RowNumbers = Lanes<16>;  ///< of sixteen rows, for one class

/// Sixteen rows stand two by two: each vector has the eight numbers of row i and of row i + 8.
using PairsOfRows = std::array<RowNumbers, 8>;
constexpr std::size_t row_in_pairs(std::size_t place) {
  return place % 2 * 8 + place / 2;
}

/// Wherever the bit `Chunk` of the lane is set in `a` and is not in `b`, the two change places.
template <std::size_t Chunk, std::size_t... Lane>
void exchange(RowNumbers& a, RowNumbers& b, std::index_sequence<Lane...>) {
  auto const low =
      __builtin_shufflevector(a.v, b.v, ((Lane & Chunk) ? Lane + 16 - Chunk : Lane)...);
  b.v = __builtin_shufflevector(a.v, b.v, ((Lane & Chunk) ? Lane + 16 : Lane + Chunk)...);
  a.v = low;
}

/// Pairs of rows become a vector for each class, lane i of which is row i.
inline void transpose(PairsOfRows& square) {
  constexpr std::make_index_sequence<16> lanes;
  for (std::size_t i : {0, 1, 2, 3}) exchange<4>(square[i], square[i + 4], lanes);
  for (std::size_t i : {0, 1, 4, 5}) exchange<2>(square[i], square[i + 2], lanes);
  for (std::size_t i : {0, 2, 4, 6}) exchange<1>(square[i], square[i + 1], lanes);
}

/// Shares of a forest's trees as whole numbers: 1 is 2^bits, and `trees` of them stay below 2^31.
/// A share that 2^bits does not make a whole number is rounded, by at most a half.
class FixedShares {
 public:
  FixedShares(std::size_t classes, int trees)
      : classes_{classes},
        bits_{31 - static_cast<int>(std::bit_width(static_cast<unsigned>(trees)))} {
    for (std::size_t k = 0; k < eight; ++k) {
      ones_[k] = std::exp2(bits_);
      last_ones_[k] = k < classes % eight ? ones_[k] : 0;
    }
  }

  std::size_t classes() const { return classes_; }
  /// Vectors that hold a number for each class, and in the last lane of all 1 if one was rounded.
  static std::size_t vectors(std::size_t classes) { return classes / eight + 1; }

  /// What two sums in double, of `trees` shares each, may be off by together. Nothing in whole
  /// numbers until there are millions of trees.
  std::uint32_t doubt(int trees) const {
    return static_cast<std::uint32_t>(std::ldexp(static_cast<double>(trees) * trees, bits_ - 52));
  }

  /// What a node's shares are in numbers, one vector after another.
  void convert(Tree const& tree, std::size_t node, std::span<NodeNumbers> numbers) const {
    auto const weight = weight_for_shares(tree.value(node));
    auto const* value = tree.values.data() + node * classes_;
    // The last vector also takes what follows, which is of the next node and becomes 0.
    auto const behind = static_cast<std::size_t>(tree.values.data() + tree.values.size() - value);
    NodeNumbers::Signed is_rounded{};
    for (std::size_t v = 0; v < numbers.size(); ++v) {
      Doubles values{};
      if (behind >= (v + 1) * eight)
        values = *reinterpret_cast<UnalignedDoubles const*>(value + v * eight);
      else
        std::memcpy(&values, value + v * eight, (behind - v * eight) * sizeof(double));
      auto const exact = values / weight * (v + 1 < numbers.size() ? ones_ : last_ones_);
      auto const rounded = __builtin_convertvector(exact + 0.5, NodeNumbers::Signed);
      is_rounded |= __builtin_convertvector(__builtin_convertvector(rounded, Doubles) != exact,
                                            NodeNumbers::Signed);
      numbers[v].v = reinterpret_cast<NodeNumbers::Vector>(rounded);
    }
    using Halves = std::array<std::uint64_t, 4>;
    auto const [a, b, c, d] = std::bit_cast<Halves>(is_rounded);
    numbers.back().v[eight - 1] = (a | b | c | d) != 0;
  }

 private:
  static constexpr auto eight = NodeNumbers::count;
  using Doubles [[gnu::vector_size(8 * eight)]] = double;
  using UnalignedDoubles [[gnu::vector_size(8 * eight), gnu::aligned(8), gnu::may_alias]] = double;

  std::size_t classes_;
  int bits_;
  Doubles ones_;       ///< 2^bits
  Doubles last_ones_;  ///< the same, and 0 for lanes of the last vector that have no class
};

/// The class of the largest sum for sixteen rows, the first one of equals.
struct Verdict {
  RowNumbers winner;
  RowNumbers is_doubtful;  ///< all bits set where rounding leaves it open

  /// `sums`: one entry per class, any number of zeros, and last how many numbers were rounded.
  Verdict(std::span<RowNumbers const> sums, std::uint32_t doubt) {
    using Signed = RowNumbers::Signed;
    auto best = reinterpret_cast<Signed>(sums[0].v);
    auto second = Signed{} - 1;
    for (std::size_t k = 1; k + 1 < sums.size(); ++k) {
      auto const sum = reinterpret_cast<Signed>(sums[k].v);
      auto const wins = sum > best;
      auto const lower = wins ? best : sum;
      second = lower > second ? lower : second;
      best = wins ? sum : best;
      winner.v = wins ? RowNumbers::Vector{} + static_cast<std::uint32_t>(k) : winner.v;
    }
    auto const& rounded = sums.back().v;
    auto const lead = reinterpret_cast<RowNumbers::Vector>(best - second);
    is_doubtful.v =
        reinterpret_cast<RowNumbers::Vector>((rounded != 0) & (lead <= rounded + doubt));
  }

  bool is_certain() const {
    using Words = std::array<std::uint64_t, sizeof(RowNumbers) / sizeof(std::uint64_t)>;
    std::uint64_t any = 0;
    for (auto const word : std::bit_cast<Words>(is_doubtful)) any |= word;
    return any == 0;
  }
};

}  // namespace canopy::forest
