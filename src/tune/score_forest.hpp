#pragma once

#include <span>
#include <vector>

#include <Eigen/Core>

#include "canopy/core/random.hpp"
#include "canopy/forest/tree.hpp"

namespace canopy::tune {

/// A forest that knows scores by coordinates of a space (Encoding::coordinates). Canopy's forests
/// are classifiers, so trees are grown on scores in classes, from best to worst ever larger ones;
/// a leaf then holds mean and variance of the scores themselves that it has.
class ScoreForest {
 public:
  /// `coordinates`: one vector per score. Extremely randomized trees (Geurts et al. 2006) that look
  /// at all dimensions.
  ScoreForest(std::span<std::vector<double> const> coordinates, std::span<double const> scores,
              int trees, Key key);

  struct Tree {
    PooledVector<forest::Node> nodes;
    std::vector<double> mean;      ///< by node; of leaves only
    std::vector<double> variance;  ///< likewise

    std::size_t leaf(std::span<double const> coordinates) const;
  };
  std::vector<Tree> const& trees() const { return trees_; }

  struct Belief {
    double mean;
    double variance;  ///< of leaves' scores, and of their means over trees (Hutter et al. 2011)
  };
  Belief at(std::span<double const> coordinates) const;

 private:
  std::vector<Tree> trees_;
};

}  // namespace canopy::tune
