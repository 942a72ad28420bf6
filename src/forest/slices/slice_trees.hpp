#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"
#include "canopy/forest/tree.hpp"

#include "model/packed_columns.hpp"
#include "model/packed_tree.hpp"
#include "slices/slice_caps.hpp"
#include "slices/slice_reaches.hpp"

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
      : columns_{table}, reaches_{caps}, cell_size_{cell_size} {}

  /// Takes these trees in place of those that were here, in runs: `runs` says how many trees there
  /// are up to the end of each. Calls `visit(tree, root)` after each, `root` being its first place.
  template <class Visit>
  void load(std::span<Tree const> trees, std::span<std::size_t const> runs, Visit&& visit) {
    auto most = runs.size();
    for (auto const& tree : trees) most += tree.size();
    if (most > places_.size()) places_.resize(most);
    size_ = 0;
    roots_.clear();
    sizes_.clear();
    starts_.clear();
    ends_.clear();
    std::size_t tree = 0;
    for (auto const last : runs) {
      starts_.push_back(size_ * sizeof(Place));
      for (; tree < last; ++tree) {
        add(trees[tree]);
        visit(trees[tree], roots_.back());
      }
      ends_.push_back(size_ * sizeof(Place));
      places_[size_++] = leaf(-1, 0);
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
      if (node.is_leaf() || !is_split(caps, tree, node)) return at;
      auto const& column = columns_[node.feature];
      auto const [base, span] = column.at_most(node);
      auto const goes_left = static_cast<Code>(row[column.block()] - base) <= span;
      at = static_cast<std::uint32_t>(goes_left ? node.left : node.right);
    }
  }

 private:
  void add(Tree const& tree) {
    auto const size = static_cast<std::int32_t>(tree.size());
    roots_.push_back(static_cast<std::uint32_t>(size_));
    sizes_.push_back(tree.size());
    auto* place = &places_[size_];
    size_ += tree.size();
    // No branch on what is a leaf, nobody can foresee it: it is a split that nothing goes left in,
    // and so is one that all cells cut off.
    bool is_in_order = true;
    auto const leaves = columns_.leaves().block();
    for (std::int32_t i = 0; i < size; ++i) {
      auto const& node = tree.nodes[static_cast<std::size_t>(i)];
      is_in_order &= has_left_next(node, i);
      auto const cell = reaches_.of(node).first();
      auto const is_kept = reaches_.are_any(reaches_.below(tree, node));
      auto const kept = -std::ptrdiff_t{is_kept};  // all bits, or none
      auto const& column = columns_[node.feature];
      auto const codes = column.at_most(node);
      auto const right = (node.right_or(size) & kept) | (size & ~kept);
      auto const block = (column.block() & kept) | (leaves & ~kept);
      *place++ = made({static_cast<Code>(codes.base & kept), static_cast<Code>(codes.span & kept)},
                      right - i - 1, block, cell);
    }
    check_order(is_in_order);
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
  SliceReaches reaches_;
  std::size_t cell_size_;
  std::vector<Place> places_;  ///< the first `size_`
  std::size_t size_ = 0;
  std::vector<std::uint32_t> roots_;
  std::vector<std::size_t> sizes_;
  std::vector<std::size_t> starts_;  ///< of runs, times the size of a Place
  std::vector<std::size_t> ends_;    ///< the same
};

}  // namespace canopy::forest
