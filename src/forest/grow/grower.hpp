#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "canopy/core/stop.hpp"
#include "canopy/forest/tree.hpp"

#include "grow/bag.hpp"
#include "grow/compact_rows.hpp"
#include "grow/frontier.hpp"
#include "grow/pending_node.hpp"
#include "grow/problem.hpp"
#include "grow/tree_builder.hpp"
#include "sets/set_grower.hpp"
#include "small/mask_grower.hpp"
#include "split/group_counts.hpp"
#include "split/impurity.hpp"
#include "split/split.hpp"
#include "split/split_search.hpp"

namespace canopy::forest {

/// Nodes of up to so many rows are held in compact rows: as many as stay in the second-level cache.
inline constexpr std::uint32_t most_compact_rows = 1 << 14;

/// Whether subtrees may move into compact rows.
template <class Compact>
bool may_compact(Problem const& problem) {
  return problem.parameters.kind == Kind::random_forest && !problem.limits.max_leaf_nodes &&
         fits_compact_rows<Compact>(problem.table);
}

/// Memory that the trees of a forest use one after another.
template <class Compact>
struct Workspace {
  explicit Workspace(Compactor<Compact> the_compactor) : compactor{std::move(the_compactor)} {}

  Compactor<Compact> compactor;
  Bag bag;
  std::vector<Sample> spare;
  std::vector<Compact> compact;
  std::vector<Compact> compact_spare;
  CodeBuffer codes;
  SetMemory<typename Compact::Code> sets;
  std::vector<std::uint32_t> counts;
  Tree tree;
};

/// Grows one tree: decides which nodes are split, in which order, and moves the rows. A subtree
/// that is small enough moves into compact rows as a whole; one whose thresholds are drawn is grown
/// as sets.
template <class Impurity, class Draws, class Compact>
class Grower {
 public:
  Grower(Problem const& problem, Impurity impurity, Draws& draws, StopToken const& stop,
         Workspace<Compact>& memory)
      : problem_{problem},
        limits_{problem.limits},
        bag_{memory.bag},
        draws_{draws},
        stop_{stop},
        impurity_{impurity},
        search_{problem, bag_, std::move(impurity), draws, memory.codes},
        memory_{memory},
        builder_{memory.tree},
        classes_{bag_.class_counts.size()},
        may_compact_{may_compact<Compact>(problem)} {
    memory_.spare.resize(std::max(memory_.spare.size(), bag_.samples.size() + 1));
    if constexpr (Impurity::has_whole_sums)
      if (Small::may_grow(problem)) small_.emplace(problem, bag_, impurity_, draws, builder_);
    if (Sets::may_grow(problem))
      sets_.emplace(problem, bag_, impurity_, draws, builder_, memory.sets, stop);
  }

  using Place = typename Draws::Place;

  Tree grow() { return grow(root(draws_.root(), 0, bag_.class_counts)); }

  /// The part of a tree below a node: the bag's samples are those of the node, its class counts
  /// those of the tree. Node numbers count from 0, depths from the tree's root.
  Tree grow_below(Place const& place, std::int32_t depth, ClassCounts counts) {
    return grow(root(place, depth, counts));
  }

 private:
  using Code = typename Compact::Code;
  using Small = std::conditional_t<Impurity::has_whole_sums, MaskGrower<Impurity, Draws, Code>,
                                   std::monostate>;
  using Sets = SetGrower<Impurity, Draws, Code>;

  /// A node that is not yet in the tree.
  struct Pending : PendingNode<Draws> {
    std::uint32_t begin;  ///< its rows in the bag, or among the compact rows
    std::uint32_t end;
    bool is_compact;
    std::size_t counts;  ///< where its class counts stand

    std::uint32_t rows() const { return end - begin; }
  };

  /// A node of the tree that may be split.
  struct Open {
    Pending node;
    std::int32_t number;
    std::array<Place, 2> children;
    Split split;
  };

  Pending root(Place const& place, std::int32_t depth, ClassCounts counts) {
    std::ranges::copy(counts, counts_at(0));
    PendingNode<Draws> const node{
        .depth = depth,
        .parent = -1,
        .is_left = false,
        .known_constants = 0,
        .impurity = node_impurity(problem_.parameters.criterion, counts, bag_.class_weights),
        .weight = node_weight(counts, bag_.class_weights),
        .place = place};
    return {node, 0, static_cast<std::uint32_t>(bag_.samples.size()), false, 0};
  }

  Tree grow(Pending const& root) {
    builder_.start(classes_, limits_.max_leaf_nodes || !problem_.has_whole_sums);
    if (limits_.max_leaf_nodes)
      grow_best_first<Open>(
          root, *limits_.max_leaf_nodes, [&](Pending const& node) { return add(node); },
          [&](Open const& open, int leaves) {
            return divide(open, {}, static_cast<std::size_t>(leaves));
          });
    else
      depth_first(root);
    return builder_.finished();
  }

  /// An explicit stack, right child first: ids come in scikit-learn's order and a chain of any
  /// length is no danger. A node's class counts stand at its own place in the stack.
  void depth_first(Pending const& root) {
    std::vector<Pending> stack{root};
    while (!stack.empty()) {
      auto pending = stack.back();
      stack.pop_back();
      if constexpr (Impurity::has_whole_sums)
        if (small_ && pending.weight <= most_mask_rows) {
          grow_small(pending);
          continue;
        }
      if (sets_ && !pending.is_compact && row_weight(pending) <= most_set_weight) {
        grow_as_sets(pending);
        continue;
      }
      if (!pending.is_compact && compacting_pays(pending)) make_compact(pending);
      auto open = add(pending);
      if (!open) continue;
      auto const [left, right] = divide(*open, search_.left_counts(), pending.counts + 1);
      stack.push_back(right);
      stack.push_back(left);
    }
  }

  /// The whole subtree.
  void grow_small(Pending const& root) {
    pause(root.rows());
    with_rows(root, [&](auto rows) {
      using Row = std::remove_reference_t<decltype(rows.front())>;
      small_->grow(root, std::span<Row const>{rows});
    });
  }

  /// Sum of the rows' weights, class weights left out: bits of a set, or what a lane must hold.
  std::uint64_t row_weight(Pending const& node) {
    auto const* counts = counts_at(node.counts);
    return std::accumulate(counts, counts + classes_, std::uint64_t{0});
  }

  /// The whole subtree.
  void grow_as_sets(Pending const& root) {
    pause(root.rows());
    constexpr double none = -1;  // a node may weigh 0
    sets_->grow(rows(root), counts_of(root), root, small_ ? double{most_mask_rows} : none,
                [&](RowsByClass<Code>& among, std::span<RowMask const> set,
                    PendingNode<Draws> const& node) {
                  if constexpr (Impurity::has_whole_sums) small_->grow(node, among, set);
                });
  }

  /// Once per subtree, when it fits the cache and its weights the lanes.
  bool compacting_pays(Pending const& node) {
    return may_compact_ && node.rows() <= most_compact_rows && row_weight(node) <= 0xffff;
  }

  void make_compact(Pending& node) {
    if (memory_.compact.size() < node.rows()) {
      memory_.compact.resize(node.rows());
      memory_.compact_spare.resize(node.rows() + 1);
    }
    memory_.compactor.compact(rows(node), std::span{memory_.compact}.first(node.rows()));
    node.end = node.rows();
    node.begin = 0;
    node.is_compact = true;
  }

  /// Puts the node into the tree, as a leaf; gives its split if it may have one.
  std::optional<Open> add(Pending const& pending) {
    pause(pending.rows());
    Open open{pending, append(pending), {pending.place, pending.place}, {}};
    if (!is_leaf(pending) && find_split(open)) return open;
    builder_.leave(open.number, counts_of(pending), bag_.class_weights);
    return {};
  }

  bool find_split(Open& open) {
    auto& node = open.node;
    draws_.enter(node.place, node.known_constants);
    open.children = draws_.children();
    auto const found = with_rows(node, [&](auto rows) {
      using Row = std::remove_reference_t<decltype(rows.front())>;
      return search_.find(NodeRows<Row>{rows, counts_at(node.counts), node.impurity}, open.split);
    });
    node.known_constants = draws_.leave();
    return found && search_.gains_enough(open.split);
  }

  bool is_leaf(Pending const& node) const {
    return search_.ends_at(node.depth, node.rows(), node.weight, node.impurity);
  }

  std::int32_t append(Pending const& pending) {
    return builder_.append({pending.rows(), pending.impurity, pending.weight, pending.depth,
                            pending.parent, pending.is_left},
                           counts_of(pending), bag_.class_weights);
  }

  /// Moves the node's rows to their sides, keeping their order, and gives the two children. The
  /// right child takes over the node's place for class counts, the left one gets `left_place`.
  /// `left_counts` may be empty when they are not at hand.
  std::pair<Pending, Pending> divide(Open const& open, ClassCounts left_counts,
                                     std::size_t left_place) {
    auto const& node = open.node;
    auto const& split = open.split;
    builder_.divide(open.number, split);
    move_rows(node, split);
    auto const middle = node.begin + split.rows_left;
    auto* left = counts_at(left_place);
    if (left_counts.empty())
      count_classes({bag_.samples.data() + node.begin, split.rows_left}, left);
    else
      std::ranges::copy(left_counts, left);
    auto* right = counts_at(node.counts);
    for (std::size_t k = 0; k < classes_; ++k) right[k] -= left[k];
    return {{node.left_child(open.number, split, open.children), node.begin, middle,
             node.is_compact, left_place},
            {node.right_child(open.number, split, open.children), middle, node.end, node.is_compact,
             node.counts}};
  }

  void count_classes(std::span<Sample const> samples, std::uint32_t* counts) const {
    std::fill_n(counts, classes_, 0);
    for (auto const& sample : samples) counts[sample.label] += sample.weight;
  }

  void move_rows(Pending const& node, Split const& split) {
    auto const& column = problem_.columns[static_cast<std::size_t>(split.feature)];
    auto const number = static_cast<std::size_t>(column.block_number);
    if (node.is_compact)
      move_rows(compact_rows(node), memory_.compact_spare, column, number, split.code_threshold);
    else
      move_rows(rows(node), memory_.spare, column, number, split.code_threshold);
  }

  template <class Row>
  void move_rows(std::span<Row> rows, std::vector<Row>& spare, Column const& column,
                 std::size_t block, std::uint32_t code_threshold) {
    with_reader<Row>(*column.block, block, [&](auto code_of) {
      if (column.block->is_group())
        partition(rows, spare, [&](Row const& row) { return code_of(row) != column.member; });
      else
        partition(rows, spare, [&](Row const& row) { return code_of(row) <= code_threshold; });
    });
  }

  /// Stable, and without a branch that depends on the data.
  template <class Row, class GoesLeft>
  static void partition(std::span<Row> rows, std::vector<Row>& spare, GoesLeft goes_left) {
    std::size_t left = 0;
    std::size_t right = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Row const row = rows[i];  // a copy: its place may be written to
      bool const is_left = goes_left(row);
      rows[left] = row;
      spare[right] = row;
      left += is_left;
      right += !is_left;
    }
    std::copy_n(spare.begin(), right, rows.begin() + static_cast<std::ptrdiff_t>(left));
  }

  /// Asks now and then whether to go on: about every million rows.
  void pause(std::uint32_t rows_of_node) {
    rows_seen_ += rows_of_node;
    if (rows_seen_ < 1'000'000) return;
    rows_seen_ = 0;
    throw_if_stopped(stop_);
  }

  std::span<Sample> rows(Pending const& node) {
    return std::span{bag_.samples}.subspan(node.begin, node.rows());
  }

  std::span<Compact> compact_rows(Pending const& node) {
    return std::span{memory_.compact}.subspan(node.begin, node.rows());
  }

  /// Calls `work` with the rows, wherever they stand.
  template <class Work>
  auto with_rows(Pending const& node, Work&& work) {
    return node.is_compact ? work(compact_rows(node)) : work(rows(node));
  }

  ClassCounts counts_of(Pending const& node) { return {counts_at(node.counts), classes_}; }

  std::uint32_t* counts_at(std::size_t place) {
    auto const needed = (place + 1) * classes_;
    if (memory_.counts.size() < needed + 8) memory_.counts.resize(2 * needed + 8);  // LaneSides
    return memory_.counts.data() + place * classes_;
  }

  Problem const& problem_;
  Limits const& limits_;
  Bag& bag_;
  Draws& draws_;
  StopToken const& stop_;
  Impurity impurity_;
  SplitSearch<Impurity, Draws, Compact> search_;
  Workspace<Compact>& memory_;
  TreeBuilder builder_;
  std::optional<Small> small_;
  std::optional<Sets> sets_;
  std::size_t classes_;
  bool may_compact_;
  std::uint64_t rows_seen_ = 0;
};

}  // namespace canopy::forest
