#include "model/packed_tree.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "grow/compact_rows.hpp"
#include "model/pairwise_sum.hpp"

namespace canopy::forest {
namespace {

/// Rows that go down a tree side by side: while one waits for memory the others go on.
constexpr std::size_t lanes = 8;

/// A leaf keeps 15 bits in base and 15 in span, which together never reach `nowhere`, the code of
/// the column that leaves look at: nothing goes left there.
constexpr int half = 15;
constexpr std::uint32_t half_mask = (1u << half) - 1;
constexpr std::uint32_t pure = 1u << 29;  ///< in what a leaf keeps: the rest is a class
template <class Code>
constexpr Code nowhere = std::numeric_limits<Code>::max();

template <class Code>
struct Codes {
  Code base;
  Code span;
};

/// A threshold of a 0/1 column. Below 0 nothing goes left: span counts from the member itself.
template <class Code>
Codes<Code> member_codes(std::uint32_t member, double threshold) {
  constexpr Code all = std::numeric_limits<Code>::max();
  if (threshold >= 1) return {0, all};
  if (threshold >= 0) return {static_cast<Code>(member + 1), all - 1};
  return {all, 0};
}

/// Codes whose value is at most the threshold. The node knows them if it was grown on this table.
template <class Code>
Codes<Code> ordinal_codes(Node const& node, std::span<float const> values) {
  auto const known = node.code_threshold;
  if (known + std::size_t{1} < values.size() && values[known] <= node.threshold &&
      node.threshold < values[known + 1])
    return {0, static_cast<Code>(known)};
  auto const above = std::upper_bound(values.begin(), values.end(), node.threshold,
                                      [](double t, float value) { return t < value; });
  if (above == values.begin()) return {std::numeric_limits<Code>::max(), 0};
  return {0, static_cast<Code>(above - values.begin() - 1)};
}

/// Node numbers depth first, left before right, and for each the place of its right child in that
/// order. It is the tree's own order but for trees with max_leaf_nodes.
struct DepthFirst {
  std::vector<std::int32_t> nodes;
  std::vector<std::size_t> right_at;  ///< one per entry of `nodes`

  explicit DepthFirst(Tree const& tree) : right_at(tree.size()) {
    nodes.reserve(tree.size());
    std::vector<std::pair<std::int32_t, std::size_t>> waiting{{0, 0}};  // node, its parent's place
    while (!waiting.empty()) {
      auto const [node, parent] = waiting.back();
      waiting.pop_back();
      right_at[parent] = nodes.size();
      descend(tree, node, waiting);
    }
  }

 private:
  template <class Waiting>
  void descend(Tree const& tree, std::int32_t node, Waiting& waiting) {
    for (;;) {
      auto const& at = tree.nodes[static_cast<std::size_t>(node)];
      if (!at.is_leaf()) waiting.emplace_back(at.right, nodes.size());
      nodes.push_back(node);
      if (at.is_leaf()) return;
      node = at.left;
    }
  }
};

}  // namespace

template <class Code>
PackedRows<Code>::PackedRows(data::EncodedTable const& table, std::span<data::RowIndex const> rows)
    : rows_{rows.size()},
      stride_{table.blocks().size() + 1},
      codes_(rows_ * stride_, nowhere<Code>) {
  for (std::size_t b = 0; b + 1 < stride_; ++b)
    with_codes(table.blocks()[b], [&](auto const* codes) {
      for (std::size_t i = 0; i < rows_; ++i)
        codes_[i * stride_ + b] = static_cast<Code>(codes[rows[i]]);
    });
}

template <class Code>
PackedTree<Code>::PackedTree(Tree const& tree, data::EncodedTable const& table)
    : classes_{static_cast<std::size_t>(tree.classes)}, no_block_{table.blocks().size()} {
  steps_.reserve(tree.size());
  DepthFirst const order{tree};
  for (std::size_t at = 0; at < tree.size(); ++at) {
    auto const number = static_cast<std::size_t>(order.nodes[at]);
    auto const& node = tree.nodes[number];
    steps_.push_back(node.is_leaf() ? leaf(tree, number)
                                    : split(node, order.right_at[at] - at, table));
  }
}

template <class Code>
bool PackedTree<Code>::fits(Tree const& tree, data::EncodedTable const& table) {
  if constexpr (sizeof(Code) == 4) return true;
  return table.blocks().size() < 1u << 8 && tree.size() < 1u << 23 &&
         std::ranges::all_of(table.blocks(), [](data::Block const& block) {
           return block.codes <= std::numeric_limits<Code>::max();
         });
}

template <class Code>
auto PackedTree<Code>::made(Code base, Code span, std::size_t block, std::int64_t beyond_left)
    -> Step {
  auto const tail =
      beyond_left * (std::int64_t{1} << Step::block_bits) + static_cast<std::int64_t>(block);
  return {base, span, static_cast<typename Step::Tail>(tail)};
}

template <class Code>
auto PackedTree<Code>::split(Node const& node, std::size_t right, data::EncodedTable const& table)
    -> Step {
  auto const place = table.place(node.feature);
  auto const& block = table.block(place);
  auto const [base, span] =
      block.is_group()
          ? member_codes<Code>(static_cast<std::uint32_t>(place.member), node.threshold)
          : ordinal_codes<Code>(node, block.values);
  return made(base, span, static_cast<std::size_t>(place.block),
              static_cast<std::int64_t>(right) - 1);
}

template <class Code>
auto PackedTree<Code>::leaf(Tree const& tree, std::size_t node) -> Step {
  auto const value = tree.value(node);
  auto const weight = weight_for_shares(value);
  auto const best = std::ranges::max_element(value) - value.begin();
  auto payload = pure | static_cast<std::uint32_t>(best);
  if (std::ranges::count(value, 0.0) + 1 != std::ssize(value)) {
    payload = static_cast<std::uint32_t>(shares_.size() / classes_);
    for (auto const count : value) shares_.push_back(count / weight);
  }
  return made(static_cast<Code>(payload & half_mask), static_cast<Code>(payload >> half), no_block_,
              -1);
}

template <class Code>
void PackedTree<Code>::add_leaf(Step const& leaf, double* sums) const {
  auto const payload = std::uint32_t{leaf.base} | std::uint32_t{leaf.span} << half;
  if ((payload & pure) != 0) {
    sums[payload & ~pure] += 1.0;  // the others would get + 0.0
    return;
  }
  auto const* shares = shares_.data() + payload * classes_;
  for (std::size_t k = 0; k < classes_; ++k) sums[k] += shares[k];
}

template <class Code>
void PackedTree<Code>::add_shares(PackedRows<Code> const& rows,
                                  std::span<std::uint32_t const> which, double* sums) const {
  auto const* const steps = steps_.data();
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
    for (std::size_t i = 0; i < group.size(); ++i)
      add_leaf(steps[at[i]], sums + group[i] * classes_);
  }
}

template class PackedRows<std::uint16_t>;
template class PackedRows<std::uint32_t>;
template class PackedTree<std::uint16_t>;
template class PackedTree<std::uint32_t>;

}  // namespace canopy::forest
