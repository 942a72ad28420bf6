#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/forest/tree.hpp"

#include "model/packed_columns.hpp"
#include "model/packed_tree.hpp"
#include "slices/node_values.hpp"
#include "slices/slice_caps.hpp"

namespace canopy::forest {

/// Rows of a table that go down trees at the same time.
constexpr std::size_t side_by_side = 8;

/// Trees as far as some cell of a grid reaches them, made for going down in the codes of one table.
/// They stand one after another, and a row that arrives at the end of one goes on at the root of
/// the next. Each place, a node, knows the first cell that has it. One more place comes after each
/// run of trees: there a way ends and stays.
template <class Code>
class SliceTrees {
 public:
  using Way = std::vector<std::uint32_t>;  ///< places, root first

  /// What is added to find the next thing stands here multiplied, so that a step takes few
  /// instructions.
  struct alignas(16) Place {
    Code base;
    Code span;
    typename PackedStep<Code>::Tail beyond_left;  ///< as in Step, times the size of a Place
    std::uint32_t cell;   ///< the first that has the node, times `cell_size`
    std::uint32_t codes;  ///< block, times the rows that go side by side

    std::ptrdiff_t move(Code code) const {
      typename PackedStep<Code>::Tail const is_left = static_cast<Code>(code - base) <= span;
      return static_cast<std::ptrdiff_t>(sizeof(Place)) + (beyond_left & (is_left - 1));
    }
  };

  /// `cell_size`: what the visitor of go_down wants cells multiplied by.
  SliceTrees(data::EncodedTable const& table, Caps const& caps, std::size_t cell_size)
      : columns_{table}, caps_{caps}, cell_size_{cell_size} {}

  /// Takes these trees in place of those that were here, in runs: `runs` says how many trees there
  /// are up to the end of each. Calls `visit(values, node, depth, place)` for every node that some
  /// cell reaches, in the order of places; `values` are those of its tree.
  template <class Visit>
  void load(std::span<Tree const> trees, std::span<std::size_t const> runs, Visit&& visit) {
    places_.clear();
    roots_.clear();
    sizes_.clear();
    starts_.clear();
    ends_.clear();
    auto most = runs.size();
    for (auto const& tree : trees) most += tree.size();
    places_.reserve(most);
    std::size_t tree = 0;
    for (auto const last : runs) {
      starts_.push_back(places_.size() * sizeof(Place));
      for (; tree < last; ++tree) add(trees[tree], visit);
      ends_.push_back(places_.size() * sizeof(Place));
      places_.push_back(leaf(-1, 0));
    }
  }

  /// Of a tree.
  std::size_t root(std::size_t tree) const { return roots_[tree]; }
  /// The first cell that has a place, times `cell_size`.
  std::size_t cell(std::size_t place) const { return places_[place].cell; }

  /// Calls `visit(i, at, cell)` for row i of eight and every place on its way through a run;
  /// `at` is the place's number times the size of a Place, `cell` is times `cell_size`. The rows
  /// go side by side: while one waits for memory the others go on. The end may come any number of
  /// times. `rows`: blocks, and the one that leaves look at, x the eight rows.
  template <class Visit>
  void go_down(std::size_t run, Code const* rows, Visit&& visit) const {
    auto const* const places = reinterpret_cast<std::byte const*>(places_.data());
    std::array<std::size_t, side_by_side> at;
    at.fill(starts_[run]);
    auto const end = ends_[run];
    do {
#pragma GCC unroll 8
      for (std::size_t i = 0; i < side_by_side; ++i) {
        auto const& place = *reinterpret_cast<Place const*>(places + at[i]);
        visit(i, at[i], place.cell);
        at[i] += static_cast<std::size_t>(place.move(rows[place.codes + i]));
      }
    } while (std::ranges::any_of(at, [end](std::size_t place) { return place != end; }));
  }

  /// The places that rows go through in one tree, side by side too.
  void ways_of(std::size_t tree, std::span<Code const* const> rows, std::span<Way> ways) const {
    auto const behind = roots_[tree] + sizes_[tree];
    for (auto& way : ways) way.assign(1, roots_[tree]);
    for (bool is_under_way = true; is_under_way;) {
      is_under_way = false;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        auto const at = ways[i].back();
        auto const& place = places_[at];
        auto const move = place.move(rows[i][place.codes / side_by_side]);
        auto const next =
            at + static_cast<std::uint32_t>(move / static_cast<std::ptrdiff_t>(sizeof(Place)));
        if (next >= behind) continue;
        ways[i].push_back(next);
        is_under_way = true;
      }
    }
  }

  /// The node of any tree at which a row stops under a single cell's caps.
  std::uint32_t stop_of(Tree const& tree, Code const* row, Caps const& caps) const {
    for (std::uint32_t at = 0;;) {
      auto const& node = tree.nodes[at];
      if (node.is_leaf() || !reach_below(caps, tree, node, {})) return at;
      auto const& column = columns_[node.feature];
      auto const [base, span] = column.at_most(node);
      auto const goes_left = static_cast<Code>(row[column.block()] - base) <= span;
      at = static_cast<std::uint32_t>(goes_left ? node.left : node.right);
    }
  }

 private:
  template <class Visit>
  void add(Tree const& tree, Visit&& visit) {
    roots_.push_back(static_cast<std::uint32_t>(places_.size()));
    sizes_.push_back(static_cast<std::uint32_t>(tree.size()));
    values_.take(tree);
    below_.assign(2, Reach{});
    for (std::size_t i = 0; i < tree.size(); ++i) {
      auto const& node = tree.nodes[i];
      auto const depth = static_cast<std::size_t>(node.depth);
      if (depth + 2 > below_.size()) below_.resize(depth + 2);
      auto const& own = below_[depth];
      auto& below = below_[depth + 1];
      below = own && !node.is_leaf() ? reach_below(caps_, tree, node, *own) : std::nullopt;
      auto const right = static_cast<std::ptrdiff_t>(node.right) - static_cast<std::ptrdiff_t>(i);
      if (below) check_order(node, i);
      auto const cell = own ? own->cell(caps_) : 0;
      places_.push_back(below ? made(columns_[node.feature].at_most(node), right - 1,
                                     columns_[node.feature].block(), cell)
                              : leaf(static_cast<std::ptrdiff_t>(tree.size() - i) - 1, cell));
      if (own) visit(std::as_const(values_), i, depth, places_.size() - 1);
    }
  }

  Place made(PackedCodes<Code> codes, std::ptrdiff_t beyond_left, std::size_t block,
             std::size_t cell) const {
    using Tail = decltype(Place::beyond_left);
    return {codes.base, codes.span,
            static_cast<Tail>(beyond_left) * static_cast<Tail>(sizeof(Place)),
            static_cast<std::uint32_t>(cell * cell_size_),
            static_cast<std::uint32_t>(block * side_by_side)};
  }
  /// Nothing goes left in the column that no row has a code for: on by `beyond_left` and one.
  Place leaf(std::ptrdiff_t beyond_left, std::size_t cell) const {
    return made({0, 0}, beyond_left, columns_.leaves().block(), cell);
  }

  PackedColumns<Code> columns_;
  NodeValues values_;  ///< of the tree that is added
  Caps const& caps_;
  std::size_t cell_size_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> roots_;
  std::vector<std::uint32_t> sizes_;
  std::vector<std::size_t> starts_;  ///< of runs, times the size of a Place
  std::vector<std::size_t> ends_;    ///< the same
  /// By depth, of the nodes below the last one that was seen above; empty where no cell has them.
  std::vector<std::optional<Reach>> below_;
};

}  // namespace canopy::forest
