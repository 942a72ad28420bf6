#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/forest/tree.hpp"

#include "model/packed_tree.hpp"
#include "model/pairwise_sum.hpp"
#include "slices/slice_caps.hpp"

namespace canopy::forest {

/// Trees as far as some cell of a grid reaches them, made for going down in the codes of one table.
/// They stand one after another, and a row that arrives at the end of one goes on at the root of
/// the next. Each place, a node, knows the first cell that has it. One more place comes last: there
/// a way ends and stays.
template <class Code>
class SliceTrees {
 public:
  using Packed = PackedTree<Code>;
  using Way = std::vector<std::uint32_t>;  ///< places, root first

  struct alignas(16) Place {
    typename Packed::Step step;
    std::uint32_t cell;  ///< the first that has the node, as a Reach gives it
  };

  SliceTrees(data::EncodedTable const& table, Caps const& caps) : table_{table}, caps_{caps} {}

  /// Takes these trees in place of those that were here.
  void load(std::span<Tree const> trees) {
    places_.clear();
    parents_.clear();
    roots_.clear();
    for (auto const& tree : trees) add(tree);
    roots_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.push_back({Packed::made(0, 0, table_.blocks().size(), -1), 0});
  }

  /// Of a tree, and behind the last one the end.
  std::size_t root(std::size_t tree) const { return roots_[tree]; }
  std::uint32_t cell(std::size_t place) const { return places_[place].cell; }
  /// Of every place but the end; -1 for a root and for what no cell reaches.
  std::span<std::int32_t const> parents() const { return parents_; }

  /// Calls `visit(i, at, cell)` for row i of `rows` and every place on its way through all trees.
  /// They go side by side: while one waits for memory the others go on. The end may come any number
  /// of times.
  template <class Visit>
  void go_down(std::array<Code const*, 8> const& rows, Visit&& visit) const {
    auto const* const places = places_.data();
    std::array<std::uint32_t, 8> at{};
    for (std::uint32_t moved = 1; moved != 0;) {
      moved = 0;
#pragma GCC unroll 8
      for (std::size_t i = 0; i < 8; ++i) {
        auto const& place = places[at[i]];
        visit(i, at[i], place.cell);
        auto const move = place.step.move(rows[i]);
        at[i] += move;
        moved |= move;
      }
    }
  }

  /// The places that one row goes through in one tree.
  void way_of(std::size_t tree, Code const* row, Way& way) const {
    way.clear();
    for (auto at = roots_[tree]; at < roots_[tree + 1]; at += places_[at].step.move(row))
      way.push_back(at);
  }

 private:
  void add(Tree const& tree) {
    auto const root = places_.size();
    roots_.push_back(static_cast<std::uint32_t>(root));
    reaches_.assign(tree.size(), {});
    parents_.resize(root + tree.size(), -1);
    for (std::size_t i = 0; i < tree.size(); ++i) {
      // Nothing goes left in the column that no row has a code for: on to the end of the tree.
      auto const beyond = static_cast<std::int64_t>(tree.size() - i) - 1;
      auto& place =
          places_.emplace_back(Place{Packed::made(0, 0, table_.blocks().size(), beyond), 0});
      if (i > 0 && parents_[root + i] < 0) continue;
      place.cell = static_cast<std::uint32_t>(reaches_[i].cell(caps_));
      auto const& node = tree.nodes[i];
      if (node.is_leaf()) continue;
      auto const below = reach_below(caps_, tree, node, reaches_[i]);
      if (!below) continue;
      check_order(node, i);
      auto const right = static_cast<std::size_t>(node.right);
      reaches_[i + 1] = reaches_[right] = *below;
      parents_[root + i + 1] = parents_[root + right] = static_cast<std::int32_t>(root + i);
      place.step = Packed::split(node, right - i, table_);
    }
  }

  data::EncodedTable const& table_;
  Caps const& caps_;
  std::vector<Place> places_;
  std::vector<std::int32_t> parents_;
  std::vector<std::uint32_t> roots_;
  std::vector<Reach> reaches_;  ///< of the nodes of one tree
};

/// The node at which a row stops under a single cell's caps.
template <class Code>
std::size_t stop_of(Tree const& tree, data::EncodedTable const& table, Code const* row,
                    Caps const& caps) {
  for (std::size_t at = 0;;) {
    auto const& node = tree.nodes[at];
    if (node.is_leaf() || !reach_below(caps, tree, node, {})) return at;
    auto const right = static_cast<std::size_t>(node.right) - at;
    at += PackedTree<Code>::split(node, right, table).move(row);
  }
}

/// Adds what every class has of a node, as predict_proba does.
inline void add_shares(Tree const& tree, std::size_t node, double* sums) {
  auto const value = tree.value(node);
  auto const weight = weight_for_shares(value);
  for (std::size_t k = 0; k < value.size(); ++k) sums[k] += value[k] / weight;
}

}  // namespace canopy::forest
