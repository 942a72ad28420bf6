#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/forest/tree.hpp"

#include "packed_tree.hpp"
#include "pairwise_sum.hpp"
#include "slice_caps.hpp"

namespace canopy::forest {

/// Nothing but the way.
struct NoPayload {};

/// Trees as far as some cell of a grid reaches them, made for going down in the codes of one table.
/// They stand one after another, and a row that arrives at the end of one goes on at the root of
/// the next. Each place, a node, knows the first cell that has it, and has a Payload beside it. One
/// more place comes last: there a way ends and stays.
template <class Code, class Payload = NoPayload>
class SliceTrees {
 public:
  /// Rows that go down side by side: while one waits for memory the others go on.
  static constexpr std::size_t together = 8;
  using Rows = std::array<Code const*, together>;
  using Way = std::vector<std::uint32_t>;  ///< places, root first

  struct Place {
    typename PackedTree<Code>::Step step;
    std::uint32_t cell;  ///< the first that has the node, as a Reach gives it
    Payload payload;     ///< all zero in the end
  };

  /// Calls `fill(tree, node, parent, place)` for every node that is reached, parents first; the
  /// root's parent is -1.
  template <class Fill>
  SliceTrees(std::span<Tree const> trees, data::EncodedTable const& table, Caps const& caps,
             Fill&& fill);

  /// Of a tree, and behind the last one the end.
  std::size_t root(std::size_t tree) const { return roots_[tree]; }
  std::size_t size() const { return roots_.size() - 1; }
  std::size_t places() const { return places_.size(); }
  std::uint32_t cell(std::size_t place) const { return places_[place].cell; }
  /// How many entries of the caps' max_depth make a difference here; at least 1.
  std::size_t depths() const { return depths_; }

  /// Calls `visit(i, at, place)` for row i of `rows` and every place on its way through all trees.
  /// The end may come any number of times.
  template <class Visit>
  void go_down(Rows const& rows, Visit&& visit) const {
    auto const* const places = places_.data();
    std::array<std::uint32_t, together> at{};
    for (std::uint32_t moved = 1; moved != 0;) {
      moved = 0;
#pragma GCC unroll 8
      for (std::size_t i = 0; i < together; ++i) {
        auto const& place = places[at[i]];
        visit(i, at[i], place);
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

  /// The last place on a way that the cell has.
  std::size_t last_within(Way const& way, std::span<Reach const> reaches, std::size_t cell) const {
    auto const beyond = std::ranges::find_if_not(
        way, [&](auto at) { return reaches[places_[at].cell].is_within(reaches[cell]); });
    return *(beyond - 1);
  }

  /// Has the `part`-th of so many parts brought near, while other work goes on.
  void prefetch(std::size_t part, std::size_t parts) const {
    constexpr std::size_t line = 64;
    auto const* bytes = reinterpret_cast<std::byte const*>(places_.data());
    auto const size = places_.size() * sizeof(Place);
    for (auto at = size * part / parts; at < size * (part + 1) / parts; at += line)
      __builtin_prefetch(bytes + at, 0, 2);
  }

 private:
  template <class Fill>
  void add(Tree const& tree, data::EncodedTable const& table, Caps const& caps, Fill&& fill);

  std::vector<Place> places_;
  std::vector<std::uint32_t> roots_;
  std::size_t depths_ = 1;
};

template <class Code, class Payload>
template <class Fill>
SliceTrees<Code, Payload>::SliceTrees(std::span<Tree const> trees, data::EncodedTable const& table,
                                      Caps const& caps, Fill&& fill) {
  std::size_t nodes = 0;
  for (auto const& tree : trees) nodes += tree.size();
  places_.reserve(nodes + 1);
  for (auto const& tree : trees) add(tree, table, caps, fill);
  roots_.push_back(static_cast<std::uint32_t>(nodes));
  places_.push_back({PackedTree<Code>::made(0, 0, table.blocks().size(), -1), 0, {}});
}

template <class Code, class Payload>
template <class Fill>
void SliceTrees<Code, Payload>::add(Tree const& tree, data::EncodedTable const& table,
                                    Caps const& caps, Fill&& fill) {
  using Packed = PackedTree<Code>;
  struct Above {
    Reach reach;
    std::int32_t parent;
  };
  std::vector<Above> above(tree.size(), {{}, -1});
  roots_.push_back(static_cast<std::uint32_t>(places_.size()));
  for (std::size_t i = 0; i < tree.size(); ++i) {
    auto const [own, parent] = above[i];
    auto const to_end = static_cast<std::int64_t>(tree.size() - i);
    // Nothing goes left in the column that no row has a code for.
    auto& place =
        places_.emplace_back(Place{Packed::made(0, 0, table.blocks().size(), to_end - 1), 0, {}});
    if (i > 0 && parent < 0) continue;
    place.cell = static_cast<std::uint32_t>(own.cell(caps));
    depths_ = std::max(depths_, std::size_t{own.depth} + 1);
    fill(tree, i, parent, place);
    auto const& node = tree.nodes[i];
    if (node.is_leaf()) continue;
    auto const below = reach_below(caps, tree, node, own);
    if (!below) continue;
    check_order(node, i);
    auto const right = static_cast<std::size_t>(node.right);
    above[i + 1] = above[right] = {*below, static_cast<std::int32_t>(i)};
    place.step = Packed::split(node, right - i, table);
  }
}

/// Adds what every class has of a node, as predict_proba does.
inline void add_shares(Tree const& tree, std::size_t node, double* sums) {
  auto const value = tree.value(node);
  auto const weight = weight_for_shares(value);
  for (std::size_t k = 0; k < value.size(); ++k) sums[k] += value[k] / weight;
}

}  // namespace canopy::forest
