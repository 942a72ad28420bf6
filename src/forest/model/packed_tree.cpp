#include "model/packed_tree.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "grow/compact_rows.hpp"
#include "model/descend.hpp"
#include "model/pairwise_sum.hpp"

namespace canopy::forest {
namespace {

/// Trees come from memory, not from a cache: nodes are asked for so many places ahead.
constexpr std::size_t ahead = 64;

/// The code of the column that leaves look at: nothing goes left there.
template <class Code>
constexpr Code nowhere = std::numeric_limits<Code>::max();

/// Nodes at the places of their numbers: that will do when every left child comes next.
struct OwnOrder {
  std::size_t number(std::size_t place) const { return place; }
  std::size_t right(std::size_t, Node const& node) const {
    return static_cast<std::size_t>(node.right);
  }
  bool left_is_next(std::size_t place, Node const& node) const {
    return static_cast<std::size_t>(node.left) == place + 1;
  }
};

/// Depth first, left before right, for trees with max_leaf_nodes, whose numbers go otherwise.
class DepthFirst {
 public:
  explicit DepthFirst(Tree const& tree) : right_at_(tree.size()) {
    nodes_.reserve(tree.size());
    std::vector<std::pair<std::int32_t, std::size_t>> waiting{{0, 0}};  // node, its parent's place
    while (!waiting.empty()) {
      auto const [node, parent] = waiting.back();
      waiting.pop_back();
      right_at_[parent] = nodes_.size();
      descend(tree, node, waiting);
    }
  }

  std::size_t number(std::size_t place) const { return static_cast<std::size_t>(nodes_[place]); }
  std::size_t right(std::size_t place, Node const&) const { return right_at_[place]; }
  bool left_is_next(std::size_t, Node const&) const { return true; }

 private:
  template <class Waiting>
  void descend(Tree const& tree, std::int32_t node, Waiting& waiting) {
    for (;;) {
      auto const& at = tree.nodes[static_cast<std::size_t>(node)];
      if (!at.is_leaf()) waiting.emplace_back(at.right, nodes_.size());
      nodes_.push_back(node);
      if (at.is_leaf()) return;
      node = at.left;
    }
  }

  std::vector<std::int32_t> nodes_;
  std::vector<std::size_t> right_at_;
};

}  // namespace

std::uint32_t LeafShares::keep(std::span<double const> value) {
  auto const number = static_cast<std::uint32_t>(shares_.size() / classes_);
  auto const weight = weight_for_shares(value);
  for (auto const count : value) shares_.push_back(count / weight);
  return number;
}

template <class Code>
PackedRows<Code>::PackedRows(data::EncodedTable const& table, std::span<data::RowIndex const> rows)
    : rows_{rows.size()},
      stride_{table.blocks().size() + 1},
      codes_(rows_ * stride_ + 1, nowhere<Code>),
      columns_(start_of_column(stride_), nowhere<Code>) {
  for (std::size_t b = 0; b + 1 < stride_; ++b)
    with_codes(table.blocks()[b], [&](auto const* codes) {
      auto* const column = columns_.data() + start_of_column(b);
      for (std::size_t i = 0; i < rows_; ++i)
        codes_[i * stride_ + b] = column[i] = static_cast<Code>(codes[rows[i]]);
    });
}

template <class Code>
PackedTree<Code>::PackedTree(Tree const& tree, PackedColumns<Code> const& columns)
    : steps_(tree.size()), shares_{static_cast<std::size_t>(tree.classes)} {
  if (!pack(tree, columns, OwnOrder{})) pack(tree, columns, DepthFirst{tree});
}

/// Nobody can foresee which node is a leaf, so a branch would often be mispredicted: all are packed
/// as splits first, then the leaves once more. They keep what that takes, as the nodes are in no
/// near cache by then. False when left children do not come next.
template <class Code>
template <class Order>
bool PackedTree<Code>::pack(Tree const& tree, PackedColumns<Code> const& columns,
                            Order const& order) {
  auto const leaves = std::make_unique_for_overwrite<Leaf[]>(tree.size() + 1);
  std::size_t number_of_leaves = 0;
  bool left_is_next = true;
  for (std::size_t at = 0; at < tree.size(); ++at) {
    __builtin_prefetch(&tree.nodes[order.number(std::min(at + ahead, tree.size() - 1))]);
    auto const& node = tree.nodes[order.number(at)];
    steps_[at] = split(node, order.right(at, node) - at, columns[node.feature]);
    leaves[number_of_leaves] = {static_cast<std::uint32_t>(at), node.code_threshold};
    number_of_leaves += std::size_t{node.is_leaf()};
    left_is_next &= node.is_leaf() | order.left_is_next(at, node);
  }
  if (!left_is_next) return false;
  for (auto const& leaf : std::span{leaves.get(), number_of_leaves})
    steps_[leaf.place] = packed(leaf, tree, columns.leaves().block());
  return true;
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
auto PackedTree<Code>::split(Node const& node, std::size_t right, PackedColumn<Code> const& column)
    -> Step {
  auto const [base, span] = column.at_most(node);
  return made(base, span, column.block(), static_cast<std::int64_t>(right) - 1);
}

template <class Code>
auto PackedTree<Code>::packed(Leaf const& leaf, Tree const& tree, std::size_t block) -> Step {
  auto const classes = static_cast<std::uint32_t>(tree.classes);
  auto const kept = leaf.counts < classes ? LeafShares::of_class(leaf.counts)
                                          : shares_.keep(tree.row(leaf.counts - classes));
  return made(static_cast<Code>(kept & ((1u << Step::half) - 1)),
              static_cast<Code>(kept >> Step::half), block, -1);
}

template <class Code>
void PackedTree<Code>::descend(PackedRows<Code> const& rows, std::span<std::uint32_t const> which,
                               std::span<std::uint32_t> kept) const {
  forest::descend(steps(), rows, which,
                  [&](std::uint32_t row, std::uint32_t payload) { kept[row] = payload; });
}

template class PackedRows<std::uint16_t>;
template class PackedRows<std::uint32_t>;
template class PackedTree<std::uint16_t>;
template class PackedTree<std::uint32_t>;

}  // namespace canopy::forest
