#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

#include "model/first_levels.hpp"
#include "model/look_up.hpp"
#include "model/packed_tree.hpp"

namespace canopy::forest {

/// Takes every row in `which` to its leaf: `reached(row, payload)` once for each, in any order.
/// Eight rows go side by side: while one waits for memory the others go on.
template <class Code, class Reached>
void descend_in_lanes(std::span<PackedStep<Code> const> tree, PackedRows<Code> const& rows,
                      std::span<std::uint32_t const> which, Reached reached) {
  constexpr std::size_t lanes = 8;
  auto const* const steps = tree.data();
  for (std::size_t first = 0; first < which.size(); first += lanes) {
    auto const group = which.subspan(first, std::min(lanes, which.size() - first));
    std::array<Code const*, lanes> codes;
    std::array<std::uint32_t, lanes> at{};
    for (std::size_t i = 0; i < lanes; ++i)  // the last group may be short: its first row again
      codes[i] = rows.row(group[i < group.size() ? i : 0]);
    for (std::uint32_t moved = 1; moved != 0;) {
      moved = 0;
#pragma GCC unroll 8
      for (std::size_t i = 0; i < lanes; ++i) {
        auto const move = steps[at[i]].move(codes[i]);
        at[i] += move;
        moved |= move;
      }
    }
    for (std::size_t i = 0; i < group.size(); ++i) reached(group[i], steps[at[i]].payload());
  }
}

#if defined(__AVX512BW__)

/// Rows on their way down, and those that have arrived. From below the first levels on four vectors
/// of 16 rows go four levels side by side; then the rows that have not been seen in a leaf close
/// ranks, so that few lanes wait for the deepest. A row is one number: its place in the tree above,
/// and its own place among the rows below.
class GatheredRows {
 public:
  static constexpr int row_bits = 11;
  static constexpr std::size_t most = 1u << row_bits;               ///< rows at a time
  static constexpr std::size_t most_nodes = 1u << (32 - row_bits);  ///< of a tree

  GatheredRows(std::span<PackedStep<std::uint16_t> const> tree,
               PackedRows<std::uint16_t> const& rows)
      : tree_{tree.data()}, rows_{rows}, first_levels_{tree, rows} {}

  /// Takes as many of the first of `which` as are less than `most` rows apart, at least one, down
  /// to their leaves.
  template <class Reached>
  std::size_t descend(std::span<std::uint32_t const> which, Reached& reached) {
    start(which);
    auto const taken = moving_;
    arrived_ = 0;
    while (moving_ != 0) move();
    for (auto const place : std::span{leaves_}.first(arrived_))
      reached(first_ + (place & (most - 1)), tree_[place >> row_bits].payload());
    return taken;
  }

 private:
  using Step = PackedStep<std::uint16_t>;
  static constexpr std::size_t width = 16;   ///< lanes of a vector
  static constexpr std::size_t vectors = 4;  ///< whose look-ups wait side by side
  static constexpr int levels = 4;           ///< that they go down before rows in leaves drop out
  static constexpr int block_mask = (1 << Step::block_bits) - 1;

  /// A whole vector may be stored behind the last row.
  struct alignas(64) Places : std::array<std::uint32_t, most + width> {};

  struct Chunk {
    __mmask16 lanes[vectors];
    __m512i place[vectors];
    __m512i codes[vectors];  ///< of the step at the place: base below, span above
    __m512i tail[vectors];
  };

  /// Below the first levels.
  void start(std::span<std::uint32_t const> which) {
    first_ = which.front();
    moving_ = 0;
    std::uint32_t last = 0;
    for (; moving_ < std::min(most, which.size()) && which[moving_] - first_ < most; ++moving_) {
      places_[moving_] = which[moving_] - first_;
      last = std::max(last, places_[moving_]);
    }
    for (std::size_t row = 0; row <= last; row += FirstLevels::rows_at_once)
      first_levels_.descend(first_ + row, starts_.data() + row);
    for (auto& place : std::span{places_}.first(moving_)) place |= starts_[place] << row_bits;
  }

  /// Some levels down. Rows that were in their leaf before the last of them drop out.
  void move() {
    std::size_t still_moving = 0;
    for (std::size_t i = 0; i < moving_; i += width * vectors) {
      auto chunk = load(i);
      for (int level = 0; level < levels; ++level) move(chunk);
      for (std::size_t v = 0; v < vectors; ++v) {
        auto const is_leaf = _mm512_mask_cmplt_epi32_mask(chunk.lanes[v], chunk.tail[v], all(0));
        append(places_, still_moving, chunk.lanes[v] & ~is_leaf, chunk.place[v]);
        append(leaves_, arrived_, is_leaf, chunk.place[v]);
      }
    }
    moving_ = still_moving;
  }

  Chunk load(std::size_t first) const {
    Chunk chunk;
    for (std::size_t v = 0; v < vectors; ++v) {
      auto const from = std::min(first + v * width, moving_);
      auto const rows = std::min(moving_ - from, width);
      chunk.lanes[v] = static_cast<__mmask16>((1u << rows) - 1);
      chunk.place[v] = _mm512_maskz_loadu_epi32(chunk.lanes[v], places_.data() + from);
    }
    return chunk;
  }

  /// One level down; rows in leaves stay.
  void move(Chunk& chunk) const {
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) look_up_step(chunk, v);
#pragma GCC unroll 8
    for (std::size_t v = 0; v < vectors; ++v) take_step(chunk, v);
  }

  void look_up_step(Chunk& chunk, std::size_t v) const {
    auto const at = _mm512_maskz_srli_epi32(every_lane, chunk.place[v], row_bits);
    auto const low = eight_words(tree_, lower(at));
    auto const high = eight_words(tree_, upper(at));
    auto const even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    auto const odd = _mm512_or_si512(even, all(1));
    chunk.codes[v] = _mm512_permutex2var_epi32(low, even, high);
    chunk.tail[v] = _mm512_permutex2var_epi32(low, odd, high);
  }

  /// PackedStep::move in each lane.
  void take_step(Chunk& chunk, std::size_t v) const {
    auto const codes = chunk.codes[v];
    auto const right = _mm512_cmpgt_epu32_mask(
        _mm512_and_si512(_mm512_sub_epi32(code(chunk, v), codes), all(0xffff)),
        _mm512_maskz_srli_epi32(every_lane, codes, 16));
    auto const beyond_left = _mm512_maskz_slli_epi32(
        every_lane, _mm512_and_si512(chunk.tail[v], all(~block_mask)), row_bits - Step::block_bits);
    auto const left = _mm512_add_epi32(chunk.place[v], all(1 << row_bits));
    chunk.place[v] = _mm512_mask_add_epi32(left, right, left, beyond_left);
  }

  /// The code that the step asks for, in 32 bits of which the upper half belongs to the next one.
  __m512i code(Chunk const& chunk, std::size_t v) const {
    auto const row = _mm512_and_si512(chunk.place[v], all(most - 1));
    auto const block = _mm512_and_si512(chunk.tail[v], all(block_mask));
    auto const stride = all(static_cast<int>(rows_.stride()));
    return sixteen_codes(rows_.row(first_),
                         _mm512_add_epi32(_mm512_mullo_epi32(row, stride), block));
  }

  static __m512i all(int number) {
    return _mm512_set1_epi32(number);
  }

  static void append(Places& to, std::size_t& size, int which, __m512i numbers) {
    auto const mask = static_cast<__mmask16>(which);
    _mm512_storeu_si512(to.data() + size, _mm512_maskz_compress_epi32(mask, numbers));
    size += static_cast<std::size_t>(std::popcount(mask));
  }

  Step const* tree_;
  PackedRows<std::uint16_t> const& rows_;
  FirstLevels first_levels_;
  Places starts_;  ///< by row, below the first levels
  std::uint32_t first_ = 0;
  Places places_;
  std::size_t moving_ = 0;
  Places leaves_;
  std::size_t arrived_ = 0;
};

/// The same as descend_in_lanes, for trees of at most GatheredRows::most_nodes. Slow for rows that
/// are not in ascending order.
template <class Reached>
void descend_gathered(std::span<PackedStep<std::uint16_t> const> tree,
                      PackedRows<std::uint16_t> const& rows, std::span<std::uint32_t const> which,
                      Reached reached) {
  GatheredRows some{tree, rows};
  while (!which.empty()) which = which.subspan(some.descend(which, reached));
}

#endif

/// The same by the fastest way that this processor has.
template <class Code, class Reached>
void descend(std::span<PackedStep<Code> const> tree, PackedRows<Code> const& rows,
             std::span<std::uint32_t const> which, Reached reached) {
#if defined(__AVX512BW__)
  if constexpr (std::same_as<Code, std::uint16_t>)
    if (tree.size() <= GatheredRows::most_nodes)
      return descend_gathered(tree, rows, which, reached);
#endif
  descend_in_lanes(tree, rows, which, reached);
}

}  // namespace canopy::forest
