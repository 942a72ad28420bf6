#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

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

/// Whether any lane is not 0.
inline bool is_any(RowNumbers const& rows) {
#if defined(__AVX512F__)
  auto const lanes = reinterpret_cast<__m512i>(rows.v);
  return _mm512_test_epi32_mask(lanes, lanes) != 0;
#else
  std::uint32_t any = 0;
  for (std::size_t i = 0; i < RowNumbers::count; ++i) any |= rows.v[i];
  return any != 0;
#endif
}

/// Real numbers of one node.
struct NodeWeights {
  static constexpr std::size_t count = 8;
  using Vector [[gnu::vector_size(8 * count)]] = double;

  Vector v{};
};

/// Vectors of a node become 0 but for the lane of class `k`.
inline void set_only(std::span<NodeNumbers> vectors, std::uint32_t k, std::uint32_t value) {
  NodeNumbers::Vector classes{0, 1, 2, 3, 4, 5, 6, 7};
  for (auto& vector : vectors) {
    vector.v = value & reinterpret_cast<NodeNumbers::Vector>(classes == k);
    classes += NodeNumbers::count;
  }
}
inline void set_only(std::span<NodeWeights> vectors, std::uint32_t k, double value) {
  using Longs [[gnu::vector_size(8 * NodeWeights::count)]] = std::int64_t;
  Longs classes{0, 1, 2, 3, 4, 5, 6, 7};
  for (auto& vector : vectors) {
    vector.v = classes == k ? value + NodeWeights::Vector{} : NodeWeights::Vector{};
    classes += NodeWeights::count;
  }
}

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
/// A share that is no whole number then is rounded, by at most a half. The lowest bits of a sum
/// are left for a tag, the larger the sooner its class comes, so that the largest of tagged sums
/// tells the first class among equals.
class FixedShares {
 public:
  FixedShares(std::size_t classes, int trees)
      : classes_{classes},
        tag_bits_{static_cast<int>(std::bit_width(classes - 1))},
        bits_{31 - tag_bits_ - static_cast<int>(std::bit_width(static_cast<unsigned>(trees)))} {
    // Without any room for shares all are 0 and rounded, which leaves every sum in doubt.
    if (bits_ >= 0) one_ = std::exp2(bits_);
    if (bits_ < 0) none_fits_ = one_rounded;
  }

  std::size_t classes() const { return classes_; }
  /// Vectors that hold a number for each class, and in the last lane of all 1 if one was rounded.
  static std::size_t vectors(std::size_t classes) { return classes / NodeNumbers::count + 1; }

  int tag_bits() const { return tag_bits_; }
  /// In lane `k` of the vectors; 0 where there is no class.
  std::uint32_t tag(std::size_t k) const {
    return k < classes_ ? static_cast<std::uint32_t>(classes_ - 1 - k) : 0;
  }
  /// What two sums in double, of `trees` shares each, may be off by together. Nothing in whole
  /// numbers until there are millions of trees.
  std::uint32_t doubt(int trees) const {
    return static_cast<std::uint32_t>(std::ldexp(static_cast<double>(trees) * trees, bits_ - 52));
  }

  /// What the shares of a node that has rows of class `only` are in numbers, with room for tags.
  void convert(std::uint32_t only, std::span<NodeNumbers> numbers) const {
    auto const one = static_cast<std::uint32_t>(one_) << tag_bits_;
    set_only(numbers, only, one);
    numbers.back().v |= none_fits_;
  }
  /// The same for a node that has these weights; those behind the last class are 0.
  void convert(std::span<NodeWeights const> weights, std::span<NodeNumbers> numbers) const {
    auto const weight = weight_of(weights);
    Longs is_rounded{};
    for (std::size_t v = 0; v < numbers.size(); ++v) {
      auto const exact = weights[v].v / weight * one_;
      auto const rounded = __builtin_convertvector(exact + 0.5, NodeNumbers::Signed);
      is_rounded |= __builtin_convertvector(rounded, NodeWeights::Vector) != exact;
      numbers[v].v = tagged(rounded);
    }
    auto const bytes = std::bit_cast<std::uint64_t>(__builtin_convertvector(is_rounded, Bytes));
    auto const all_or_none = -std::uint32_t{bytes != 0};  // no branch: nobody can foresee it
    numbers.back().v |= (one_rounded & all_or_none) | none_fits_;
  }

 private:
  using Longs [[gnu::vector_size(8 * NodeWeights::count)]] = std::int64_t;
  using Bytes [[gnu::vector_size(NodeWeights::count)]] = std::int8_t;

  /// weight_for_shares, which adds up less than eight one by one; zeros do not change the sum.
  double weight_of(std::span<NodeWeights const> weights) const {
    if (weights.size() > 1)
      return weight_for_shares({reinterpret_cast<double const*>(weights.data()), classes_});
    double sum = 0;
    for (std::size_t k = 0; k + 1 < NodeWeights::count; ++k) sum += weights[0].v[k];
    return sum == 0 ? 1.0 : sum;
  }
  NodeNumbers::Vector tagged(NodeNumbers::Signed shares) const {
    return reinterpret_cast<NodeNumbers::Vector>(shares) << tag_bits_;
  }

  static constexpr NodeNumbers::Vector one_rounded{0, 0, 0, 0, 0, 0, 0, 1};

  std::size_t classes_;
  int tag_bits_;
  int bits_;
  double one_ = 0;                   ///< 2^bits
  NodeNumbers::Vector none_fits_{};  ///< `one_rounded` if there is no room for shares
};

/// The class of the largest sum for sixteen rows, the first one of equals.
struct Verdict {
  RowNumbers winner;
  RowNumbers is_doubtful;  ///< all bits set where rounding leaves it open

  /// `sums`: one entry per class with its tag, any number of zeros, and last how many numbers were
  /// rounded. `doubt`: what the sums may be off by besides.
  Verdict(std::span<RowNumbers const> sums, FixedShares const& shares, std::uint32_t doubt) {
    using Signed = RowNumbers::Signed;
    auto best = reinterpret_cast<Signed>(sums[0].v);
    Signed second{};
    for (std::size_t k = 1; k + 1 < sums.size(); ++k) {
      auto const sum = reinterpret_cast<Signed>(sums[k].v);
      auto const lower = best < sum ? best : sum;
      best = best > sum ? best : sum;
      second = second > lower ? second : lower;
    }
    auto const first = reinterpret_cast<RowNumbers::Vector>(best);
    auto const last_tag = (1u << shares.tag_bits()) - 1;
    winner.v = shares.tag(0) - (first & last_tag);
    auto const& rounded = sums.back().v;
    auto const lead = (first - reinterpret_cast<RowNumbers::Vector>(second)) >> shares.tag_bits();
    is_doubtful.v =
        reinterpret_cast<RowNumbers::Vector>((rounded != 0) & (lead <= rounded + doubt));
  }
};

}  // namespace canopy::forest
