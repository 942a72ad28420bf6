#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/forest/tree.hpp"

#include "pairwise_sum.hpp"
#include "slice_caps.hpp"

namespace canopy::forest {

/// Eight whole numbers that are worked on by one instruction.
struct Lanes {
  static constexpr std::size_t count = 8;
  using Vector [[gnu::vector_size(32)]] = std::uint32_t;

  Vector v{};
};

/// Rows and columns change places, by interleaving the halves three times.
inline void transpose(std::array<Lanes, 8>& square) {
  for (int round = 0; round < 3; ++round) {
    auto const old = square;
    for (std::size_t i = 0; i < 4; ++i) {
      auto const& a = old[i].v;
      auto const& b = old[i + 4].v;
      square[2 * i].v = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
      square[2 * i + 1].v = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    }
  }
}

/// Eight that stand anywhere in memory.
struct PackedLanes {
  std::array<std::uint32_t, Lanes::count> numbers{};

  Lanes load() const { return std::bit_cast<Lanes>(numbers); }
};

/// Shares of a forest's trees as whole numbers: 1 is 2^bits, and `trees` of them stay below 2^31.
/// A share that 2^bits does not make a whole number is rounded, by at most a half.
class FixedShares {
 public:
  FixedShares(int classes, int trees)
      : classes_{static_cast<std::size_t>(classes)},
        bits_{31 - static_cast<int>(std::bit_width(static_cast<unsigned>(trees)))},
        one_{std::exp2(bits_)} {}

  std::size_t classes() const { return classes_; }
  /// Vectors that hold a number for each class, and after them 1 if one of them was rounded.
  static std::size_t vectors(std::size_t classes) { return classes / Lanes::count + 1; }
  std::size_t vectors() const { return vectors(classes_); }

  /// What two sums in double, of `trees` shares each, may be off by together. Nothing in whole
  /// numbers until there are millions of trees.
  std::uint32_t doubt(int trees) const {
    return static_cast<std::uint32_t>(std::ldexp(static_cast<double>(trees) * trees, bits_ - 52));
  }

  /// What a node's shares are in numbers; vectors() of them go to `numbers`.
  void convert(Tree const& tree, std::size_t node, Lanes* numbers) const {
    bool is_rounded = false;
    for (std::size_t v = 0; v < vectors(); ++v)
      is_rounded |= convert(tree, node, v * Lanes::count, numbers[v]);
    numbers[vectors() - 1].v[classes_ % Lanes::count] = is_rounded;
  }

 private:
  /// Eight classes from `first`, or as many as there are; tells whether one was rounded.
  bool convert(Tree const& tree, std::size_t node, std::size_t first, Lanes& numbers) const {
    auto const count = std::min(Lanes::count, classes_ - first);
    auto const weight = weight_for_shares(tree.value(node));
    auto const from = node * classes_ + first;
    std::array<double, Lanes::count> values{};
    if (from + Lanes::count <= tree.values.size())  // what follows is of the next node: not used
      std::copy_n(tree.values.begin() + static_cast<std::ptrdiff_t>(from), Lanes::count,
                  values.begin());
    else
      std::copy_n(tree.values.begin() + static_cast<std::ptrdiff_t>(from), count, values.begin());
    std::array<std::int32_t, Lanes::count> rounded;
    std::array<std::int32_t, Lanes::count> differs;
    for (std::size_t k = 0; k < Lanes::count; ++k) {
      auto const exact = values[k] / weight * (k < count ? one_ : 0.0);
      rounded[k] = static_cast<std::int32_t>(exact + 0.5);
      differs[k] = rounded[k] != exact;
    }
    numbers = std::bit_cast<Lanes>(rounded);
    return std::ranges::max(differs) != 0;
  }

  std::size_t classes_;
  int bits_;
  double one_;
};

/// The class of the largest sum for eight rows, the first one of equals.
struct Verdict {
  Lanes winner;
  Lanes is_doubtful;  ///< all bits set where rounding leaves it open

  /// `sums`: one entry per class, and then how many numbers of the row were rounded.
  Verdict(std::span<Lanes const> sums, std::size_t classes, std::uint32_t doubt) {
    using Signed [[gnu::vector_size(32)]] = std::int32_t;
    auto best = reinterpret_cast<Signed>(sums[0].v);
    auto second = Signed{} - 1;
    for (std::size_t k = 1; k < classes; ++k) {
      auto const sum = reinterpret_cast<Signed>(sums[k].v);
      auto const wins = sum > best;
      auto const lower = wins ? best : sum;
      second = lower > second ? lower : second;
      best = wins ? sum : best;
      winner.v = wins ? Lanes::Vector{} + static_cast<std::uint32_t>(k) : winner.v;
    }
    auto const& rounded = sums[classes].v;
    auto const lead = reinterpret_cast<Lanes::Vector>(best - second);
    is_doubtful.v = reinterpret_cast<Lanes::Vector>((rounded != 0) & (lead <= rounded + doubt));
  }

  bool is_certain() const {
    auto const halves = std::bit_cast<std::array<std::uint64_t, 4>>(is_doubtful);
    return (halves[0] | halves[1] | halves[2] | halves[3]) == 0;
  }
};

}  // namespace canopy::forest
