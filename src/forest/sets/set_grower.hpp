#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "canopy/core/stop.hpp"

#include "grow/bag.hpp"
#include "grow/pending_node.hpp"
#include "grow/problem.hpp"
#include "grow/tree_builder.hpp"
#include "sets/rows_by_class.hpp"
#include "sets/set_search.hpp"
#include "split/split.hpp"

namespace canopy::forest {

/// Subtrees that weigh up to so much are grown as sets.
inline constexpr std::uint64_t most_set_weight = 1 << 20;

/// Memory that the trees of a forest use one after another.
template <class Code>
struct SetMemory {
  std::deque<RowsByClass<Code>> levels;  ///< each holds a set of the one before
  std::vector<RowMask> sets;             ///< of the nodes that wait, in the order of the stack
  std::vector<std::uint32_t> counts;
};

/// Grows subtrees of extremely randomized trees whose nodes are sets of bits: dividing a node moves
/// no row, and a drawn threshold costs a comparison of codes, 32 or 16 an instruction, and a count
/// of bits. Sets much smaller than the rows they are among are packed anew. A node that weighs
/// little enough for one word is handed over. Finds the same splits as SplitSearch.
template <class Impurity, class Draws, class Code>
class SetGrower {
 public:
  SetGrower(Problem const& problem, Bag const& bag, Impurity const& impurity, Draws& draws,
            TreeBuilder& builder, SetMemory<Code>& memory, StopToken const& stop)
      : problem_{problem},
        bag_{bag},
        draws_{draws},
        builder_{builder},
        stop_{stop},
        memory_{memory},
        classes_{bag.class_counts.size()},
        search_{problem, bag, impurity, draws} {}

  static bool may_grow(Problem const& problem) {
    return problem.parameters.kind == Kind::extra_trees && !problem.limits.max_leaf_nodes;
  }

  /// The subtree of `root`, `counts` are its class counts. `grow_small(among, set, node)` grows
  /// the subtree of a node that weighs up to `small`.
  template <class GrowSmall>
  void grow(std::span<Sample const> samples, ClassCounts counts, PendingNode<Draws> const& root,
            double small, GrowSmall grow_small) {
    at(0).start(samples, counts);
    memory_.sets.assign(at(0).all().begin(), at(0).all().end());
    memory_.counts.assign(counts.begin(), counts.end());
    stack_.assign(1, {root, 0, static_cast<std::uint32_t>(samples.size())});
    for (std::uint32_t nodes = 1; !stack_.empty(); ++nodes) {
      if (nodes % 1024 == 0) throw_if_stopped(stop_);
      auto node = stack_.back();
      stack_.pop_back();
      take(node);
      if (node.weight <= small && !search_.is_pure(node.impurity))
        grow_small(*among_, std::span<RowMask const>{set_}, node);
      else
        add(node);
    }
  }

 private:
  /// Its set and its class counts stand on their own stacks.
  struct Pending : PendingNode<Draws> {
    std::size_t level;  ///< its set is one of memory_.levels[level]
    std::uint32_t rows;
  };

  RowsByClass<Code>& at(std::size_t level) {
    while (memory_.levels.size() <= level) memory_.levels.emplace_back(problem_.table);
    return memory_.levels[level];
  }

  template <class Item>
  static void move_top(std::vector<Item>& stack, std::size_t count, std::vector<Item>& to) {
    to.assign(stack.end() - static_cast<std::ptrdiff_t>(count), stack.end());
    stack.resize(stack.size() - count);
  }

  /// Makes the node, which was last on the stack, the one that is looked at.
  void take(Pending const& node) {
    among_ = &at(node.level);
    move_top(memory_.sets, among_->words(), set_);
    move_top(memory_.counts, classes_, totals_);
    totals_.resize(classes_ + 8);  // LaneSides reads eight from any class on
  }

  ClassCounts totals() const { return {totals_.data(), classes_}; }

  void add(Pending& node) {
    auto const number = builder_.append(
        {node.rows, node.impurity, node.weight, node.depth, node.parent, node.is_left}, totals(),
        bag_.class_weights);
    if (search_.ends_at(node.depth, node.rows, node.weight, node.impurity) || !divide(node, number))
      builder_.leave(number, totals(), bag_.class_weights);
  }

  /// False when no split is worth it.
  bool divide(Pending& node, std::int32_t number) {
    pack_if_it_pays(node);
    draws_.enter(node.place, node.known_constants);
    Split split;
    auto const found =
        search_.find({*among_, set_, node.rows, totals_.data(), node.impurity}, split);
    node.known_constants = draws_.leave();
    if (!found || !search_.gains_enough(split)) return false;
    builder_.divide(number, split);
    put_children(node, split, number);
    return true;
  }

  /// What it costs to look at a node grows with the words of its level.
  void pack_if_it_pays(Pending& node) {
    constexpr std::size_t pays = 3;
    if (RowsByClass<Code>::words_for(totals()) * pays > among_->words()) return;
    auto& packed = at(++node.level);
    packed.start(*among_, set_, totals());
    among_ = &packed;
    set_.assign(packed.all().begin(), packed.all().end());
  }

  /// The right one first, so that the left one is taken first.
  void put_children(Pending const& node, Split const& split, std::int32_t number) {
    auto const& places = draws_.children();
    auto const left = search_.left();
    auto const& left_counts = search_.left_counts();
    for (std::size_t w = 0; w < left.size(); ++w) memory_.sets.push_back(set_[w] & ~left[w]);
    memory_.sets.insert(memory_.sets.end(), left.begin(), left.end());
    for (std::size_t k = 0; k < classes_; ++k)
      memory_.counts.push_back(totals_[k] - left_counts[k]);
    memory_.counts.insert(memory_.counts.end(), left_counts.begin(), left_counts.end());
    stack_.push_back(
        {node.right_child(number, split, places), node.level, node.rows - split.rows_left});
    stack_.push_back({node.left_child(number, split, places), node.level, split.rows_left});
  }

  Problem const& problem_;
  Bag const& bag_;
  Draws& draws_;
  TreeBuilder& builder_;
  StopToken const& stop_;
  SetMemory<Code>& memory_;
  std::size_t classes_;
  SetSearch<Impurity, Draws, Code> search_;
  std::vector<Pending> stack_;
  // the node that is being divided
  RowsByClass<Code>* among_ = nullptr;
  std::vector<RowMask> set_;
  std::vector<std::uint32_t> totals_;
};

}  // namespace canopy::forest
