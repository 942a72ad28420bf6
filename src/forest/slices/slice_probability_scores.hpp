#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include "model/packed_tree.hpp"
#include "slices/slice_scores.hpp"
#include "slices/slice_trees.hpp"

namespace canopy::forest {

/// Adds up shares in double, as predict_proba does, in all cells.
template <class Code>
class ProbabilityScores {
 public:
  explicit ProbabilityScores(SliceProblem const& problem)
      : problem_{problem},
        trees_{problem.table, problem.caps},
        rows_{problem.table, problem.rows},
        reaches_{reaches_of(problem.caps)},
        classes_{static_cast<std::size_t>(problem.classes)},
        plane_{problem.caps.min_samples_split.size() * problem.caps.min_impurity_decrease.size()} {
    trees_.load(problem.trees);
    cells_ = problem.caps.cells();
    totals_.resize(problem.checkpoints.size() * cells_);
  }

  std::vector<double> all() {
    constexpr std::size_t cache = std::size_t{1} << 20;  // the second level's
    auto const size = std::max<std::size_t>(
        1, std::min(cache, problem_.most_memory) / (cells_ * classes_ * sizeof(double)));
    for (std::size_t first = 0; first < rows_.size(); first += size)
      add_block(first, std::min(size, rows_.size() - first));
    for (auto& total : totals_) total /= static_cast<double>(rows_.size());
    return totals_;
  }

 private:
  void add_block(std::size_t first, std::size_t count) {
    sums_.assign(count * cells_ * classes_, 0.0);
    int tree = 0;
    for (std::size_t c = 0; c < problem_.checkpoints.size(); ++c) {
      for (; tree < problem_.checkpoints[c]; ++tree)
        for (std::size_t i = 0; i < count; ++i)
          add_tree(static_cast<std::size_t>(tree), rows_.row(first + i),
                   &sums_[i * cells_ * classes_]);
      for (std::size_t i = 0; i < count; ++i)
        add_row(c, problem_.table.labels()[problem_.rows[first + i]],
                &sums_[i * cells_ * classes_]);
    }
  }

  /// Each cell gets the shares of the last node on the way that it has.
  void add_tree(std::size_t number, Code const* row, double* sums) {
    trees_.way_of(number, row, way_);
    shares_.assign(way_.size() * classes_, 0.0);
    for (std::size_t i = 0; i < way_.size(); ++i)
      add_shares(problem_.trees[number], way_[i] - trees_.root(number), &shares_[i * classes_]);
    stops_.assign(plane_, 0);
    for (std::size_t cell = 0; cell < cells_; ++cell, sums += classes_) {
      auto& stop = stops_[cell % plane_];
      while (stop + 1 < way_.size() &&
             reaches_[trees_.cell(way_[stop + 1])].is_within(reaches_[cell]))
        ++stop;
      auto const* shares = &shares_[stop * classes_];
      for (std::size_t k = 0; k < classes_; ++k) sums[k] += shares[k];
    }
  }

  void add_row(std::size_t checkpoint, std::uint16_t label, double const* sums) {
    auto const trees = static_cast<double>(problem_.checkpoints[checkpoint]);
    Eigen::RowVectorXd probabilities(problem_.classes);
    for (std::size_t cell = 0; cell < cells_; ++cell) {
      probabilities =
          Eigen::Map<Eigen::RowVectorXd const>(sums + cell * classes_, problem_.classes) / trees;
      totals_[checkpoint * cells_ + cell] += problem_.scorer.of_row(probabilities, label);
    }
  }

  SliceProblem const& problem_;
  SliceTrees<Code> trees_;
  PackedRows<Code> rows_;
  std::vector<Reach> reaches_;
  std::size_t classes_;
  std::size_t plane_;  ///< cells of one depth cap
  std::size_t cells_;
  std::vector<double> totals_;  ///< checkpoints x cells
  std::vector<double> sums_;    ///< rows of the block x cells x classes
  typename SliceTrees<Code>::Way way_;
  std::vector<double> shares_;      ///< of every node on the way
  std::vector<std::size_t> stops_;  ///< per cell of a plane: place on the way
};

}  // namespace canopy::forest
