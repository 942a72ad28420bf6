#include "weighted/weighted_bag.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "grow/compact_rows.hpp"
#include "model/pairwise_sum.hpp"

namespace canopy::forest {

void fill(WeightedBag& bag, data::EncodedTable const& table, std::span<data::RowIndex const> rows,
          std::span<double const> weights) {
  bag.items.clear();
  bag.keys.clear();
  bag.rows.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (weights[i] == 0) continue;
    bag.keys.emplace_back(0, static_cast<std::uint32_t>(bag.items.size()));
    bag.items.push_back({weights[i], table.labels()[rows[i]]});
    bag.rows.push_back(rows[i]);
  }
  bag.codes.resize(table.blocks().size() * bag.items.size());
  auto code = bag.codes.begin();
  for (auto const& block : table.blocks())
    with_codes(block, [&](auto const* codes) {
      for (auto const row : bag.rows) *code++ = codes[row];
    });
  bag.weight = std::accumulate(weights.begin(), weights.end(), 0.0);
  bag.weight_by_numpy = pairwise_sum(weights);
}

void make_sums_exact(std::span<double> weights) {
  auto const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (sum == 0) return;
  // Up to 2^52 units before rounding, which adds at most one for each of less than 2^32 rows.
  auto const exponent = std::ilogb(sum) - 51;
  for (auto& weight : weights)
    if (weight > 0)
      weight = std::ldexp(std::max(1.0, std::nearbyint(std::ldexp(weight, -exponent))), exponent);
}

}  // namespace canopy::forest
