#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "canopy/forest/forest.hpp"

#include "packed_tree.hpp"
#include "slice_scores.hpp"
#include "slice_tallies.hpp"
#include "slice_trees.hpp"
#include "slice_votes.hpp"

namespace canopy::forest {

/// Predicts blocks of rows in all cells, by whole numbers. `FixedVectors` is their number of
/// vectors where the compiler is to know it; 0: any number.
template <class Code, std::size_t FixedVectors>
class ClassScores {
 public:
  explicit ClassScores(SliceProblem const& problem)
      : problem_{problem},
        shares_{problem.classes, problem.checkpoints.back()},
        rows_{problem.table, problem.rows},
        reaches_{reaches_of(problem.caps)},
        splits_{problem.caps.min_samples_split.size()},
        decreases_{problem.caps.min_impurity_decrease.size()},
        tallies_{problem} {
    std::size_t depths = 1;
    for (std::size_t tree = 0; auto const checkpoint : problem.checkpoints)
      for (auto const last = static_cast<std::size_t>(checkpoint); tree < last;) {
        auto const number = std::min(trees_at_once, last - tree);
        add_run(problem.trees.subspan(tree, number));
        tree += number;
        depths = std::max(depths, runs_.back().trees.depths());
      }
    cells_ = depths * splits_ * decreases_;
  }

  std::vector<double> all() {
    auto const size = rows_in_block(stride() * sizeof(Lanes));
    for (std::size_t first = 0; first < rows_.size(); first += size)
      add_block(first, std::min(size, rows_.size() - first));
    settle();
    std::vector<double> scores;
    auto const cells = reaches_.size();
    for (std::size_t c = 0; c < problem_.checkpoints.size(); ++c)
      for (std::size_t cell = 0; cell < cells; ++cell)
        scores.push_back(tallies_.score(c * cells + alike(cell)));
    return scores;
  }

 private:
  /// What a node's shares differ from its parent's; beside the node if their number is known.
  using Payload =
      std::conditional_t<FixedVectors == 0, NoPayload, std::array<PackedLanes, FixedVectors>>;
  using Trees = SliceTrees<Code, Payload>;

  static constexpr std::size_t together = Trees::together;
  static_assert(together == Lanes::count);
  /// Trees that rows go down one after another; they stay in the second-level cache.
  static constexpr std::size_t trees_at_once = 8;
  /// Doubts times classes that may wait to be settled.
  static constexpr std::size_t most_doubts = std::size_t{1} << 22;

  struct Run {
    Trees trees;
    std::vector<Lanes> differences;  ///< places x vectors; none if the places have them
  };

  /// A prediction that whole numbers leave open.
  struct Doubt {
    std::size_t row;
    std::size_t checkpoint;
    std::size_t cell;
  };

  std::size_t vectors() const {
    if constexpr (FixedVectors > 0) return FixedVectors;
    return shares_.vectors();
  }
  std::size_t channels() const { return vectors() * Lanes::count; }
  /// Of a row's sums.
  std::size_t stride() const { return cells_ * vectors(); }

  void add_run(std::span<Tree const> trees) {
    std::vector<Lanes> differences;
    std::size_t first = 0;  // of the tree in `differences`
    auto const fill = [&](Tree const& tree, std::size_t node, std::int32_t parent, auto& place) {
      if (node == 0) {
        numbers_.assign((tree.size() + 1) * vectors(), {});  // the first stand for no parent
        first = differences.size();
        if (FixedVectors == 0) differences.resize(first + tree.size() * vectors());
      }
      auto* own = &numbers_[(node + 1) * vectors()];
      auto const* above = &numbers_[static_cast<std::size_t>(parent + 1) * vectors()];
      shares_.convert(tree, node, own);
      for (std::size_t v = 0; v < vectors(); ++v) {
        Lanes const difference{own[v].v - above[v].v};
        if constexpr (FixedVectors > 0)
          place.payload[v] = std::bit_cast<PackedLanes>(difference);
        else
          differences[first + node * vectors() + v] = difference;
      }
    };
    Trees made{trees, problem_.table, problem_.caps, fill};
    if (FixedVectors == 0) differences.resize(differences.size() + vectors());  // the end
    runs_.push_back({std::move(made), std::move(differences)});
  }

  /// The cell that was worked on for this one, whose depth cap may be beyond the deepest node.
  std::size_t alike(std::size_t cell) const {
    auto const plane = splits_ * decreases_;
    return cell < cells_ ? cell : cells_ - plane + cell % plane;
  }

  void add_block(std::size_t first, std::size_t count) {
    sums_.assign((count + together - 1) / together * together * stride(), {});
    std::size_t trees = 0;
    std::size_t checkpoint = 0;
    for (std::size_t r = 0; r < runs_.size(); ++r) {
      trees += runs_[r].trees.size();
      auto const is_checkpoint = std::cmp_equal(trees, problem_.checkpoints[checkpoint]);
      for (std::size_t i = 0; i < count; i += together) {
        if (r + 1 < runs_.size())
          runs_[r + 1].trees.prefetch(i / together, (count + together - 1) / together);
        auto* sums = &sums_[i * stride()];
        go_down(runs_[r], first + i, sums);
        if (is_checkpoint) predict(checkpoint, first + i, std::min(together, count - i), sums);
      }
      checkpoint += is_checkpoint;
    }
    if (doubts_.size() * shares_.classes() > most_doubts) settle();
  }

  /// Eight rows go down some trees. Where there are fewer left, the last one fills up; its sums
  /// there are not looked at.
  void go_down(Run const& run, std::size_t first, Lanes* sums) const {
    typename Trees::Rows codes;
    std::array<Lanes*, together> sums_of;
    for (std::size_t i = 0; i < together; ++i) {
      codes[i] = rows_.row(std::min(first + i, rows_.size() - 1));
      sums_of[i] = sums + i * stride();
    }
    run.trees.go_down(codes, [&](std::size_t i, std::size_t at, auto const& place) {
      auto* to = sums_of[i] + place.cell * vectors();
      if constexpr (FixedVectors > 0)
        for (std::size_t v = 0; v < vectors(); ++v) to[v].v += place.payload[v].load().v;
      else
        for (std::size_t v = 0; v < vectors(); ++v)
          to[v].v += run.differences[at * vectors() + v].v;
    });
  }

  /// Walks over the cells of eight rows, along the axes of decreases, splits and depths, and keeps
  /// the sum of all that came before along each of them.
  void predict(std::size_t checkpoint, std::size_t first, std::size_t count, Lanes const* sums) {
    auto const labels = labels_of(first, count);
    auto const doubt = shares_.doubt(problem_.checkpoints[checkpoint]);
    Lanes::Vector is_no_row{};
    for (auto i = count; i < Lanes::count; ++i) is_no_row[i] = ~0u;
    over_depths_.assign(splits_ * decreases_ * channels(), {});
    over_splits_.resize(decreases_ * channels());
    over_all_.resize(channels());
    for (std::size_t cell = 0; cell < cells_;) {
      std::ranges::fill(over_splits_, Lanes{});
      for (std::size_t split = 0; split < splits_; ++split) {
        std::ranges::fill(over_all_, Lanes{});
        for (std::size_t decrease = 0; decrease < decreases_; ++decrease, ++cell) {
          accumulate(sums + cell * vectors(),
                     &over_depths_[(split * decreases_ + decrease) * channels()],
                     &over_splits_[decrease * channels()]);
          Verdict verdict{decreases_ > 1 ? over_all_ : over_splits_, shares_.classes(), doubt};
          verdict.is_doubtful.v |= is_no_row;
          if (!verdict.is_certain()) put_off(verdict, {first, checkpoint, cell}, count);
          tallies_.add(checkpoint * reaches_.size() + cell, verdict.winner, labels);
        }
      }
    }
  }

  /// Leaves doubtful winners out for now.
  void put_off(Verdict& verdict, Doubt doubt, std::size_t count) {
    for (std::size_t i = 0; i < Lanes::count; ++i, ++doubt.row) {
      if (verdict.is_doubtful.v[i] == 0) continue;
      verdict.winner.v[i] = Tallies::nobody;
      if (i < count) doubts_.push_back(doubt);
    }
  }

  /// Predicts what was put off as predict_proba and argmax do it. Tree after tree, so that each is
  /// fetched once.
  void settle() {
    std::ranges::stable_sort(doubts_, {}, &Doubt::row);
    auto const classes = shares_.classes();
    std::vector<double> sums(doubts_.size() * classes);
    std::size_t number = 0;
    for (auto const& run : runs_)
      for (std::size_t t = 0; t < run.trees.size(); ++t) add_doubts(run.trees, t, number++, sums);
    for (std::size_t d = 0; d < doubts_.size(); ++d) {
      auto const& [row, checkpoint, cell] = doubts_[d];
      Eigen::MatrixXd const mean =
          Eigen::Map<Eigen::RowVectorXd const>(&sums[d * classes], problem_.classes) /
          static_cast<double>(problem_.checkpoints[checkpoint]);
      tallies_.add_row(checkpoint * reaches_.size() + cell, argmax(mean).front(),
                       problem_.table.labels()[problem_.rows[row]]);
    }
    doubts_.clear();
  }

  /// Adds the shares of one tree for all that was put off and is about so many trees.
  void add_doubts(Trees const& trees, std::size_t tree, std::size_t number,
                  std::vector<double>& sums) const {
    typename Trees::Way way;
    auto row = rows_.size();  // that `way` belongs to
    for (std::size_t d = 0; d < doubts_.size(); ++d) {
      auto const& doubt = doubts_[d];
      if (std::cmp_greater_equal(number, problem_.checkpoints[doubt.checkpoint])) continue;
      if (row != doubt.row) trees.way_of(tree, rows_.row(row = doubt.row), way);
      add_shares(problem_.trees[number],
                 trees.last_within(way, reaches_, doubt.cell) - trees.root(tree),
                 &sums[d * shares_.classes()]);
    }
  }

  /// What the eight rows have in one cell, turned to a vector for each class, goes through the sums
  /// over depths, over depths and splits, and over all axes.
  void accumulate(Lanes const* sums, Lanes* over_depths, Lanes* over_splits) {
    std::array<Lanes, together> square;
    for (std::size_t v = 0; v < vectors(); ++v) {
      for (std::size_t i = 0; i < together; ++i) square[i] = sums[i * stride() + v];
      transpose(square);
      for (std::size_t i = 0; i < Lanes::count; ++i) {
        auto const c = v * Lanes::count + i;
        over_depths[c].v += square[i].v;
        over_splits[c].v += over_depths[c].v;
        if (decreases_ > 1) over_all_[c].v += over_splits[c].v;
      }
    }
  }

  Lanes labels_of(std::size_t first, std::size_t count) const {
    Lanes labels;
    for (std::size_t i = 0; i < count; ++i)
      labels.v[i] = problem_.table.labels()[problem_.rows[first + i]];
    return labels;
  }

  SliceProblem const& problem_;
  FixedShares shares_;
  std::vector<Run> runs_;  ///< between two checkpoints are one or more
  PackedRows<Code> rows_;
  std::vector<Reach> reaches_;  ///< of every cell of the caps
  std::size_t splits_;
  std::size_t decreases_;
  std::size_t cells_;  ///< that are worked on
  Tallies tallies_;
  std::vector<Lanes> sums_;  ///< rows of the block x cells x vectors
  /// Each with a vector for every class, one for roundings, and what fills up the last eight:
  std::vector<Lanes> over_depths_;
  std::vector<Lanes> over_splits_;
  std::vector<Lanes> over_all_;
  std::vector<Doubt> doubts_;
  std::vector<Lanes> numbers_;  ///< of one tree
};

}  // namespace canopy::forest
