#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "canopy/forest/forest.hpp"

#include "model/packed_tree.hpp"
#include "slices/slice_scores.hpp"
#include "slices/slice_tallies.hpp"
#include "slices/slice_trees.hpp"
#include "slices/slice_votes.hpp"

namespace canopy::forest {

/// Predicts rows in all cells, by whole numbers. `FixedVectors` is how many vectors a node's
/// numbers are where the compiler is to know it; 0: any number.
///
/// A few trees at a time, so that they stay in the second-level cache while all rows go down them.
/// Sixteen rows leave in `steps_` by how much their sums change from one cell to the next; this is
/// added up over the axes of caps, and added to their sums of all trees before.
template <class Code, std::size_t FixedVectors>
class ClassScores {
 public:
  explicit ClassScores(SliceProblem const& problem)
      : problem_{problem},
        shares_{static_cast<std::size_t>(problem.classes), problem.checkpoints.back()},
        rows_{problem.table, problem.rows},
        trees_{problem.table, problem.caps},
        cells_{problem.caps.cells()},
        tallies_{problem},
        steps_(cells_ * channels()) {}

  std::vector<double> all() {
    auto const groups = problem_.most_memory / (cells_ * channels() * sizeof(RowNumbers));
    auto const size = std::max<std::size_t>(1, groups) * together;
    for (std::size_t first = 0; first < rows_.size(); first += size)
      add_block(first, std::min(size, rows_.size() - first));
    for (auto const& doubt : doubts_) settle(doubt);
    std::vector<double> scores;
    for (std::size_t entry = 0; entry < problem_.checkpoints.size() * cells_; ++entry)
      scores.push_back(tallies_.score(entry));
    return scores;
  }

 private:
  /// Rows that go down together.
  static constexpr std::size_t together = RowNumbers::count;
  static constexpr std::size_t most_trees_at_once = 8;

  /// A prediction that whole numbers leave open.
  struct Doubt {
    std::size_t row;
    std::size_t checkpoint;
    std::size_t cell;
  };

  std::size_t vectors() const {
    if constexpr (FixedVectors > 0) return FixedVectors;
    return FixedShares::vectors(shares_.classes());
  }
  /// Classes, what fills up, and how many numbers were rounded.
  std::size_t channels() const { return vectors() * NodeNumbers::count; }

  void add_block(std::size_t first, std::size_t count) {
    sums_.assign((count + together - 1) / together * cells_ * channels(), {});
    std::size_t tree = 0;
    for (std::size_t c = 0; c < problem_.checkpoints.size(); ++c)
      for (auto const last = static_cast<std::size_t>(problem_.checkpoints[c]); tree < last;) {
        auto const trees = problem_.trees.subspan(tree, std::min(most_trees_at_once, last - tree));
        tree += trees.size();
        load(trees);
        auto* sums = sums_.data();
        for (std::size_t i = 0; i < count; i += together, sums += cells_ * channels()) {
          go_down(first + i);
          if (tree < last)
            add_steps(sums, [](std::size_t) {});
          else
            predict(c, first + i, std::min(together, count - i), sums);
        }
      }
  }

  /// Takes trees, and has what each node's numbers differ from its parent's.
  void load(std::span<Tree const> trees) {
    trees_.load(trees);
    auto const parents = trees_.parents();
    differences_.assign((parents.size() + 1) * vectors(), {});  // the end adds nothing
    for (std::size_t t = 0; t < trees.size(); ++t)
      for (auto at = trees_.root(t); at < trees_.root(t + 1); ++at)
        shares_.convert(trees[t], at - trees_.root(t),
                        std::span{differences_}.subspan(at * vectors(), vectors()));
    for (auto at = parents.size(); at-- > 0;) {  // parents come before their children
      if (parents[at] < 0) continue;
      auto const* parent = &differences_[static_cast<std::size_t>(parents[at]) * vectors()];
      for (std::size_t v = 0; v < vectors(); ++v) differences_[at * vectors() + v].v -= parent[v].v;
    }
  }

  /// Eight rows at a time, whose steps stand in half of each cell's cache lines. Where there are
  /// fewer rows left, the last one fills up; its sums there are not looked at.
  void go_down(std::size_t first) {
    for (std::size_t half = 0; half < 2; ++half) {
      std::array<Code const*, together / 2> rows;
      for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = rows_.row(std::min(first + row_in_pairs(half * 8 + i), rows_.size() - 1));
      auto const* const differences = differences_.data();
      auto* const steps = reinterpret_cast<NodeNumbers::Any*>(steps_.data()) + half * 8;
      trees_.go_down(rows, [=, this](std::size_t i, std::size_t at, std::size_t cell) {
        for (std::size_t v = 0; v < vectors(); ++v)
          steps[(cell * vectors() + v) * together + i] += differences[at * vectors() + v].v;
      });
    }
  }

  /// Goes over the cells along the axes of decreases, splits and depths, and keeps the sum of all
  /// steps that came before along each of them. Calls `visit(cell)` when the cell's sums are done.
  template <class Visit>
  void add_steps(RowNumbers* sums, Visit&& visit) {
    auto const splits = problem_.caps.min_samples_split.size();
    auto const decreases = problem_.caps.min_impurity_decrease.size();
    over_depths_.assign(splits * decreases * channels(), {});
    over_splits_.resize(decreases * channels());
    if (decreases > 1) over_all_.resize(channels());
    for (std::size_t cell = 0; cell < cells_;) {
      std::ranges::fill(over_splits_, RowNumbers{});
      for (std::size_t split = 0; split < splits; ++split) {
        std::ranges::fill(over_all_, RowNumbers{});
        for (std::size_t decrease = 0; decrease < decreases; ++decrease, ++cell) {
          add_cell(cell, &over_depths_[(split * decreases + decrease) * channels()],
                   &over_splits_[decrease * channels()], sums + cell * channels());
          visit(cell);
        }
      }
    }
  }

  void add_cell(std::size_t cell, RowNumbers* over_depths, RowNumbers* over_splits,
                RowNumbers* sums) {
    PairsOfRows square;
    for (std::size_t v = 0; v < vectors(); ++v) {
      auto* const steps = &steps_[cell * channels() + v * square.size()];
      for (std::size_t i = 0; i < square.size(); ++i) {
        square[i].v = steps[i].v;
        steps[i].v = RowNumbers::Vector{};
      }
      transpose(square);
      for (std::size_t k = 0; k < NodeNumbers::count; ++k) {
        auto const c = v * NodeNumbers::count + k;
        over_depths[c].v += square[k].v;
        over_splits[c].v += over_depths[c].v;
        if (over_all_.empty()) {
          sums[c].v += over_splits[c].v;
        } else {
          over_all_[c].v += over_splits[c].v;
          sums[c].v += over_all_[c].v;
        }
      }
    }
  }

  void predict(std::size_t checkpoint, std::size_t first, std::size_t count, RowNumbers* sums) {
    auto const labels = labels_of(first, count);
    auto const doubt = shares_.doubt(problem_.checkpoints[checkpoint]);
    RowNumbers is_no_row;
    for (auto i = count; i < together; ++i) is_no_row.v[i] = ~0u;
    add_steps(sums, [&](std::size_t cell) {
      Verdict verdict{{sums + cell * channels(), channels()}, doubt};
      verdict.is_doubtful.v |= is_no_row.v;
      if (!verdict.is_certain()) put_off(verdict, {first, checkpoint, cell}, count);
      tallies_.add(checkpoint * cells_ + cell, verdict.winner, labels);
    });
  }

  /// Leaves doubtful winners to the exact count that follows.
  void put_off(Verdict& verdict, Doubt doubt, std::size_t count) {
    for (std::size_t i = 0; i < together; ++i, ++doubt.row) {
      if (verdict.is_doubtful.v[i] == 0) continue;
      verdict.winner.v[i] = Tallies::nobody;
      if (i < count) doubts_.push_back(doubt);
    }
  }

  /// Predicts what was put off as predict_proba and argmax do it.
  void settle(Doubt const& doubt) {
    auto const caps = problem_.caps.only(doubt.cell);
    auto const trees = problem_.checkpoints[doubt.checkpoint];
    Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(1, problem_.classes);
    for (auto const& tree : problem_.trees.first(static_cast<std::size_t>(trees)))
      add_shares(tree, stop_of(tree, problem_.table, rows_.row(doubt.row), caps), sums.data());
    tallies_.add_row(doubt.checkpoint * cells_ + doubt.cell, argmax(sums / trees).front(),
                     problem_.table.labels()[problem_.rows[doubt.row]]);
  }

  RowNumbers labels_of(std::size_t first, std::size_t count) const {
    RowNumbers labels;
    for (std::size_t i = 0; i < count; ++i)
      labels.v[i] = problem_.table.labels()[problem_.rows[first + i]];
    return labels;
  }

  SliceProblem const& problem_;
  FixedShares shares_;
  PackedRows<Code> rows_;
  SliceTrees<Code> trees_;
  std::size_t cells_;
  Tallies tallies_;
  std::vector<NodeNumbers> differences_;  ///< places x vectors
  std::vector<RowNumbers> steps_;         ///< cells x vectors x pairs of rows
  std::vector<RowNumbers> sums_;          ///< rows of the block, by sixteen, x cells x channels
  /// Of steps: splits x decreases x channels, decreases x channels, channels.
  std::vector<RowNumbers> over_depths_;
  std::vector<RowNumbers> over_splits_;
  std::vector<RowNumbers> over_all_;
  std::vector<Doubt> doubts_;
};

}  // namespace canopy::forest
