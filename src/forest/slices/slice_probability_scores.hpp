#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <Eigen/Core>

#include "model/packed_tree.hpp"
#include "slices/node_values.hpp"
#include "slices/slice_scores.hpp"
#include "slices/slice_trees.hpp"

namespace canopy::forest {

/// Adds up shares in double, as predict_proba does, in all cells. `FixedVectors` is how many
/// vectors of eight hold all classes where the compiler is to know it; 0: any number.
template <class Code, std::size_t FixedVectors>
class ProbabilityScores {
 public:
  explicit ProbabilityScores(SliceProblem const& problem)
      : problem_{problem},
        trees_{problem.table, problem.caps, 1},
        rows_{problem.table, problem.rows},
        reaches_{reaches_of(problem.caps)},
        classes_{static_cast<std::size_t>(problem.classes)},
        plane_{problem.caps.min_samples_split.size() * problem.caps.min_impurity_decrease.size()},
        cells_{problem.caps.cells()},
        totals_(problem.checkpoints.size() * cells_),
        scores_(cells_),
        stops_(plane_) {
    std::array const all{problem.trees.size()};
    trees_.load(problem.trees, all, [](auto const&...) {});
    for (auto const& tree : problem.trees) values_.emplace_back(tree);
  }

  std::vector<double> all() {
    constexpr std::size_t cache = std::size_t{1} << 20;  // the second level's
    auto const size = std::max<std::size_t>(
        1, std::min(cache, problem_.most_memory) / (cells_ * vectors() * sizeof(Eight)));
    for (std::size_t first = 0; first < rows_.size(); first += size)
      add_block(first, std::min(size, rows_.size() - first));
    for (auto& total : totals_) total /= static_cast<double>(rows_.size());
    return totals_;
  }

 private:
  using Way = typename SliceTrees<Code>::Way;

  /// What eight classes have; 0 where there is none.
  struct Eight {
    static constexpr std::size_t count = 8;
    using Vector [[gnu::vector_size(8 * count)]] = double;
    Vector v{};
  };

  std::size_t vectors() const {
    if constexpr (FixedVectors > 0) return FixedVectors;
    return (classes_ + Eight::count - 1) / Eight::count;
  }

  void add_block(std::size_t first, std::size_t count) {
    sums_.assign(count * cells_ * vectors(), {});
    int tree = 0;
    for (std::size_t c = 0; c < problem_.checkpoints.size(); ++c) {
      for (; tree < problem_.checkpoints[c]; ++tree) {
        auto const& values = values_[static_cast<std::size_t>(tree)];
        for (std::size_t i = 0; i < count; i += side_by_side) {
          auto const rows = std::min(side_by_side, count - i);
          go_down(static_cast<std::size_t>(tree), first + i, rows);
          for (std::size_t k = 0; k < rows; ++k)
            add_way(ways_[k], trees_.root(static_cast<std::size_t>(tree)), values,
                    &sums_[(i + k) * cells_ * vectors()]);
        }
      }
      for (std::size_t i = 0; i < count; ++i)
        add_row(c, problem_.table.labels()[problem_.rows[first + i]],
                &sums_[i * cells_ * vectors()]);
    }
  }

  void go_down(std::size_t tree, std::size_t first, std::size_t count) {
    std::array<Code const*, side_by_side> rows;
    for (std::size_t i = 0; i < count; ++i) rows[i] = rows_.row(first + i);
    trees_.ways_of(tree, std::span{rows}.first(count), std::span{ways_}.first(count));
  }

  /// Each cell gets the shares of the last node on the way that it has: where the way stops for its
  /// depth cap or for its other caps, whichever comes first.
  void add_way(Way const& way, std::size_t root, NodeValues const& values, Eight* sums) {
    shares_.resize(way.size() * vectors());
    reached_.resize(way.size());
    for (std::size_t i = 0; i < way.size(); ++i) {
      set_shares(values, way[i] - root, &shares_[i * vectors()]);
      reached_[i] = reaches_[trees_.cell(way[i])];
    }
    for (std::size_t p = 0, stop = 0; p < plane_; ++p) {
      if (p % problem_.caps.min_impurity_decrease.size() == 0) stop = 0;
      while (stop + 1 < way.size() && is_within_plane(reached_[stop + 1], reaches_[p])) ++stop;
      stops_[p] = stop;
    }
    std::size_t deepest = 0;
    for (std::size_t depth = 0; depth < problem_.caps.max_depth.size(); ++depth) {
      while (deepest + 1 < way.size() && reached_[deepest + 1].depth <= depth) ++deepest;
      for (auto const stop : stops_) {
        auto const* shares = &shares_[std::min(stop, deepest) * vectors()];
        for (std::size_t v = 0; v < vectors(); ++v) (sums++)->v += shares[v].v;
      }
    }
  }

  static bool is_within_plane(Reach const& node, Reach const& cell) {
    return node.split <= cell.split && node.decrease <= cell.decrease;
  }

  void set_shares(NodeValues const& values, std::size_t node, Eight* shares) const {
    auto const value = values.of(node);
    auto const weight = weight_for_shares(value);
    for (std::size_t v = 0; v < vectors(); ++v) {
      auto const first = v * Eight::count;
      Eight weights;
      for (std::size_t k = 0; k < Eight::count; ++k)
        weights.v[k] = first + k < classes_ ? value[first + k] : 0;
      shares[v].v = weights.v / weight;
    }
  }

  /// Neighbouring cells often have the same sums, and then the same score.
  void add_row(std::size_t checkpoint, std::uint16_t label, Eight const* sums) {
    auto const trees = static_cast<double>(problem_.checkpoints[checkpoint]);
    Eigen::RowVectorXd probabilities(problem_.classes);
    for (std::size_t cell = 0; cell < cells_; ++cell) {
      auto const is_like = [&](std::size_t distance) {
        return cell >= distance &&
               is_same(sums + (cell - distance) * vectors(), sums + cell * vectors());
      };
      if (is_like(1)) {
        scores_[cell] = scores_[cell - 1];
      } else if (is_like(plane_)) {
        scores_[cell] = scores_[cell - plane_];
      } else {
        probabilities =
            Eigen::Map<Eigen::RowVectorXd const>(
                reinterpret_cast<double const*>(sums + cell * vectors()), problem_.classes) /
            trees;
        scores_[cell] = problem_.scorer.of_row(probabilities, label);
      }
      totals_[checkpoint * cells_ + cell] += scores_[cell];
    }
  }

  bool is_same(Eight const* a, Eight const* b) const {
    for (std::size_t k = 0; k < vectors() * Eight::count; ++k)
      if (a[k / Eight::count].v[k % Eight::count] != b[k / Eight::count].v[k % Eight::count])
        return false;
    return true;
  }

  SliceProblem const& problem_;
  SliceTrees<Code> trees_;
  std::vector<NodeValues> values_;  ///< of each tree
  PackedRows<Code> rows_;
  std::vector<Reach> reaches_;
  std::size_t classes_;
  std::size_t plane_;  ///< cells of one depth cap
  std::size_t cells_;
  std::vector<double> totals_;  ///< checkpoints x cells
  std::vector<double> scores_;  ///< of one row, in each cell
  std::vector<Eight> sums_;     ///< rows of the block x cells x vectors
  std::array<Way, side_by_side> ways_;
  std::vector<Eight> shares_;       ///< of every node on the way, x vectors
  std::vector<Reach> reached_;      ///< by every node on the way
  std::vector<std::size_t> stops_;  ///< per cell of a plane: place on the way
};

}  // namespace canopy::forest
