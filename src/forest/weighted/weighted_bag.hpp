#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/parameters.hpp"

#include "weighted/introsort.hpp"

namespace canopy::forest {

/// What one tree learns from when rows have weights that are not whole numbers.
struct WeightedBag {
  struct Item {
    double weight;
    std::uint32_t label;

    friend std::uint32_t label_of(Item const& item) { return item.label; }
    friend double weight_of(Item const& item) { return item.weight; }
  };

  std::vector<Item> items;           ///< rows that weigh something, in the order given
  std::vector<data::RowIndex> rows;  ///< of the items in the table
  std::vector<RowKey> keys;          ///< the same rows; growing puts those of a node side by side
  std::vector<std::uint32_t> codes;  ///< of the items, block by block of the table
  double weight;                     ///< of all rows, summed in the order given
  double weight_by_numpy;            ///< the same as numpy.sum rounds it

  /// One code per item.
  std::uint32_t const* codes_of(std::size_t block) const {
    return codes.data() + block * items.size();
  }
};

/// Fills `bag`; `weights` has one entry per row.
void fill(WeightedBag& bag, data::EncodedTable const& table, std::span<data::RowIndex const> rows,
          std::span<double const> weights);

/// Rounds positive weights to multiples of one power of two, so large that their sum takes less
/// than 2^53 of it: then sums of them are exact, whatever the order. A weight moves by at most
/// 2^-51 of the sum of all weights, and none gets lost.
void make_sums_exact(std::span<double> weights);

}  // namespace canopy::forest
