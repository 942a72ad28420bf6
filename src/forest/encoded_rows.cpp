#include "encoded_rows.hpp"

#include <algorithm>

#include "compact_rows.hpp"

namespace canopy::forest {
namespace {

constexpr std::uint32_t all_codes = ~0u;

struct Codes {
  std::uint32_t base;
  std::uint32_t span;
};

/// A threshold of a 0/1 column. Below 0 nothing goes left: span counts from the member itself.
Codes member_codes(std::uint32_t member, double threshold) {
  if (threshold >= 1) return {0, all_codes};
  if (threshold >= 0) return {member + 1, all_codes - 1};
  return {all_codes, 0};
}

/// Codes whose value is at most the threshold. The node knows them if it was grown on this table.
Codes ordinal_codes(Node const& node, std::span<float const> values) {
  auto const known = node.code_threshold;
  if (known + std::size_t{1} < values.size() && values[known] <= node.threshold &&
      node.threshold < values[known + 1])
    return {0, known};
  auto const above = std::upper_bound(values.begin(), values.end(), node.threshold,
                                      [](double t, float value) { return t < value; });
  if (above == values.begin()) return {all_codes, 0};
  return {0, static_cast<std::uint32_t>(above - values.begin()) - 1};
}

}  // namespace

EncodedRows::EncodedRows(data::EncodedTable const& table, std::span<data::RowIndex const> rows)
    : rows_{rows.size()}, blocks_{table.blocks().size()}, codes_(rows_ * blocks_) {
  for (std::size_t b = 0; b < blocks_; ++b)
    with_codes(table.blocks()[b], [&](auto const* codes) {
      for (std::size_t i = 0; i < rows_; ++i) codes_[i * blocks_ + b] = codes[rows[i]];
    });
}

EncodedTree::EncodedTree(Tree const& tree, data::EncodedTable const& table) {
  nodes_.reserve(tree.size());
  for (auto const& node : tree.nodes) nodes_.push_back(node.is_leaf() ? Step{} : step(node, table));
}

EncodedTree::Step EncodedTree::step(Node const& node, data::EncodedTable const& table) {
  auto const place = table.place(node.feature);
  auto const& block = table.block(place);
  auto const [base, span] =
      block.is_group() ? member_codes(static_cast<std::uint32_t>(place.member), node.threshold)
                       : ordinal_codes(node, block.values);
  return {place.block, base, span, static_cast<std::uint32_t>(node.left),
          static_cast<std::uint32_t>(node.right)};
}

}  // namespace canopy::forest
