#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "canopy/core/aligned.hpp"
#include "canopy/forest/forest.hpp"

#include "model/packed_tree.hpp"
#include "slices/node_differences.hpp"
#include "slices/node_values.hpp"
#include "slices/slice_axes.hpp"
#include "slices/slice_scores.hpp"
#include "slices/slice_tallies.hpp"
#include "slices/slice_trees.hpp"
#include "slices/slice_votes.hpp"

namespace canopy::forest {

/// Predicts rows in all cells, by whole numbers. `FixedVectors` is how many vectors a node's
/// numbers are where the compiler is to know it; 0: any number.
///
/// A batch of trees at a time, so that they stay in the second-level cache while all rows go down
/// them. Each row leaves in `changes_` by how much its sums over all trees so far change from one
/// cell to the next; added up over the axes of caps that gives the sums.
template <class Code, std::size_t FixedVectors>
class ClassScores {
 public:
  explicit ClassScores(SliceProblem const& problem)
      : problem_{problem},
        shares_{static_cast<std::size_t>(problem.classes), problem.checkpoints.back()},
        rows_{problem.table, problem.rows},
        cells_{problem.caps.cells()},
        trees_{problem.table, problem.caps, vectors() * sizeof(PairsOfRows)},
        of_nodes_{shares_},
        tallies_{problem},
        axes_{problem.caps, vectors()} {
    arrange_rows();
  }

  std::vector<double> all() {
    auto const groups = problem_.most_memory / (cells_ * vectors() * sizeof(PairsOfRows));
    auto const size = std::max<std::size_t>(1, groups) * together;
    for (std::size_t first = 0; first < rows_.size(); first += size)
      add_block(first, std::min(size, rows_.size() - first));
    settle();
    std::vector<double> scores;
    for (std::size_t entry = 0; entry < problem_.checkpoints.size() * cells_; ++entry)
      scores.push_back(tallies_.score(entry));
    return scores;
  }

 private:
  /// Rows that go down together.
  static constexpr std::size_t together = RowNumbers::count;
  /// Bytes of trees in a batch: of a second-level cache of 2 MB, the rest being for changes.
  static constexpr std::size_t most_of_trees = std::size_t{9} << 17;
  static constexpr std::size_t most_doubts = 10'000;

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

  void add_block(std::size_t first, std::size_t count) {
    start((count + together - 1) / together);
    for (Batch batch; next(batch);) {
      load(batch);
      auto* changes = changes_->data();
      for (std::size_t i = 0; i < count; i += together, changes += cells_ * vectors())
        for (std::size_t run = 0; run < batch.runs.size(); ++run) {
          go_down(run, first + i, changes);
          auto const checkpoint = batch.first_checkpoint + run;
          if (batch.first + batch.runs[run] != trees_at(checkpoint)) continue;
          auto const is_last = i + together >= count;
          predict(checkpoint, first + i, std::min(together, count - i), changes,
                  is_last ? changes : changes + cells_ * vectors());
        }
    }
  }

  /// Whole runs of trees from one checkpoint to the next, or a part of a single one.
  struct Batch {
    std::size_t first = 0;
    std::size_t first_checkpoint = 0;
    /// How many of its trees come before each checkpoint in it; at last, all.
    std::vector<std::size_t> runs;
  };

  std::size_t trees_at(std::size_t checkpoint) const {
    return static_cast<std::size_t>(problem_.checkpoints[checkpoint]);
  }

  /// Goes on to the batch behind this one; false if there is none.
  bool next(Batch& batch) const {
    if (!batch.runs.empty()) {
      batch.first += batch.runs.back();
      batch.first_checkpoint += batch.runs.size();
      if (batch.first < trees_at(batch.first_checkpoint - 1)) --batch.first_checkpoint;
    }
    batch.runs.clear();
    std::size_t bytes = 0;
    auto last = batch.first;
    for (auto c = batch.first_checkpoint; c < problem_.checkpoints.size(); ++c) {
      for (; last < trees_at(c); ++last) {
        bytes += problem_.trees[last].size() *
                 (sizeof(typename SliceTrees<Code>::Place) + vectors() * sizeof(NodeNumbers));
        if (bytes > most_of_trees && last > batch.first) break;
      }
      auto const is_whole = last == trees_at(c);
      if (!is_whole && !batch.runs.empty()) break;  // these trees wait
      batch.runs.push_back(last - batch.first);
      if (!is_whole) break;
    }
    return !batch.runs.empty();
  }

  /// Nothing but the tags, which the first cell hands on to all.
  void start(std::size_t groups) {
    changes_.emplace(groups * cells_ * vectors());
    auto* change = changes_->data();
    for (std::size_t g = 0; g < groups; ++g, change += cells_ * vectors())
      for (std::size_t v = 0; v < vectors(); ++v)
        for (auto& pair : change[v])
          for (std::size_t k = 0; k < together; ++k)
            pair.v[k] = shares_.tag(v * NodeNumbers::count + k % NodeNumbers::count);
  }

  /// Takes trees, and has what each node's numbers differ from its parent's.
  void load(Batch const& batch) {
    auto const trees = problem_.trees.subspan(batch.first, batch.runs.back());
    auto places = batch.runs.size();  // the ends, which add nothing
    for (auto const& tree : trees) places += tree.size();
    if (places * vectors() > differences_.size()) differences_.resize(places * vectors());
    trees_.load(trees, batch.runs, [&](Tree const& tree, std::size_t root) {
      of_nodes_.write(tree, &differences_[root * vectors()]);
    });
  }

  /// The codes of all rows, in the order in which they go down.
  void arrange_rows() {
    auto const blocks = problem_.table.blocks().size() + 1;
    auto const groups = (rows_.size() + together - 1) / together;
    codes_.reserve(groups * together * blocks);
    for (std::size_t first = 0; first < rows_.size(); first += together)
      for (std::size_t half = 0; half < together; half += side_by_side)
        for (std::size_t b = 0; b < blocks; ++b)
          for (std::size_t i = 0; i < side_by_side; ++i)
            codes_.push_back(
                rows_.row(std::min(first + row_in_pairs(half + i), rows_.size() - 1))[b]);
  }

  /// Eight rows at a time, whose changes stand in half of each cell's cache lines. Where there are
  /// fewer rows left, the last one fills up; its sums there are not looked at.
  void go_down(std::size_t run, std::size_t first, PairsOfRows* changes) {
    auto const blocks = problem_.table.blocks().size() + 1;
    auto const* const differences = reinterpret_cast<std::byte const*>(differences_.data());
    constexpr auto numbers_of_place =
        sizeof(NodeNumbers) / sizeof(typename SliceTrees<Code>::Place);
    for (std::size_t half = 0; half < together; half += side_by_side) {
      auto* const added =
          reinterpret_cast<std::byte*>(reinterpret_cast<NodeNumbers::Any*>(changes) + half);
      trees_.go_down(run, codes_.data() + (first + half) * blocks,
                     [=, this](std::size_t i, std::size_t at, std::size_t cell) {
                       auto const* const from = reinterpret_cast<NodeNumbers const*>(
                           differences + at * numbers_of_place * vectors());
                       auto* const to = reinterpret_cast<NodeNumbers::Any*>(added + cell);
                       for (std::size_t v = 0; v < vectors(); ++v)
                         to[v * together + i] += from[v].v;
                     });
    }
  }

  /// Meanwhile the `following` changes are fetched, which are as many and needed next.
  void predict(std::size_t checkpoint, std::size_t first, std::size_t count,
               PairsOfRows const* changes, PairsOfRows const* following) {
    auto const labels = labels_of(first, count);
    auto const doubt = shares_.doubt(problem_.checkpoints[checkpoint]);
    RowNumbers is_no_row;
    for (auto i = count; i < together; ++i) is_no_row.v[i] = ~0u;
    axes_.add_up(changes, [&](std::size_t cell, std::span<RowNumbers const> sums) {
      for (std::size_t v = 0; v < vectors(); ++v)
        for (auto const& line : following[cell * vectors() + v]) __builtin_prefetch(&line, 1, 2);
      Verdict verdict{sums, shares_, doubt};
      verdict.is_doubtful.v |= is_no_row.v;
      if (is_any(verdict.is_doubtful)) put_off(verdict, {first, checkpoint, cell}, count);
      tallies_.add(checkpoint * cells_ + cell, verdict.winner, labels);
    });
    if (doubts_.size() >= most_doubts) settle();
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
  void settle() {
    if (doubts_.empty()) return;
    auto const classes = static_cast<std::size_t>(problem_.classes);
    std::vector<double> sums(doubts_.size() * classes);
    std::ranges::sort(doubts_, std::greater{}, &Doubt::checkpoint);  // most trees first
    std::vector<Caps> caps;
    for (auto const& doubt : doubts_) caps.push_back(problem_.caps.only(doubt.cell));
    NodeValues values;
    std::vector<std::uint32_t> stops(doubts_.size());
    for (std::size_t t = 0; t < problem_.trees.size(); ++t) {
      while (!stops.empty() && trees_at(doubts_[stops.size() - 1].checkpoint) <= t)
        stops.pop_back();
      for (std::size_t i = 0; i < stops.size(); ++i)
        stops[i] = trees_.stop_of(problem_.trees[t], rows_.row(doubts_[i].row), caps[i]);
      values.take(problem_.trees[t], stops);
      for (std::size_t i = 0; i < stops.size(); ++i)
        values.add_shares(stops[i], &sums[i * classes]);
    }
    for (std::size_t i = 0; i < doubts_.size(); ++i) {
      auto const& doubt = doubts_[i];
      Eigen::Map<Eigen::MatrixXd const> const sum{&sums[i * classes], 1, problem_.classes};
      auto const winner = argmax(sum / problem_.checkpoints[doubt.checkpoint]).front();
      tallies_.add_row(doubt.checkpoint * cells_ + doubt.cell, winner,
                       problem_.table.labels()[problem_.rows[doubt.row]]);
    }
    doubts_.clear();
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
  std::vector<Code> codes_;
  std::size_t cells_;
  SliceTrees<Code> trees_;
  NodeDifferences<FixedVectors> of_nodes_;
  Tallies tallies_;
  SliceAxes<FixedVectors> axes_;
  std::vector<NodeNumbers> differences_;  ///< places x vectors
  /// Rows of the block, by sixteen, x cells x vectors.
  std::optional<AlignedArray<PairsOfRows>> changes_;
  std::vector<Doubt> doubts_;
};

}  // namespace canopy::forest
