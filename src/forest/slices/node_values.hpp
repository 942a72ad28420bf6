#pragma once

#include <cstddef>
#include <span>

#include "canopy/forest/tree.hpp"

#include "model/pairwise_sum.hpp"

namespace canopy::forest {

/// The class weights of all nodes of a tree, which a cap may make leaves of. Everything in slices
/// takes them from here.
class NodeValues {
 public:
  explicit NodeValues(Tree const& tree)
      : values_{tree.values}, classes_{static_cast<std::size_t>(tree.classes)} {}

  std::size_t classes() const { return classes_; }
  std::span<double const> of(std::size_t node) const {
    return values_.subspan(node * classes_, classes_);
  }
  /// Of this node and of all after it, one after another.
  std::span<double const> from(std::size_t node) const { return values_.subspan(node * classes_); }

  /// Adds what every class has of a node, as predict_proba does.
  void add_shares(std::size_t node, double* sums) const {
    auto const value = of(node);
    auto const weight = weight_for_shares(value);
    for (std::size_t k = 0; k < classes_; ++k) sums[k] += value[k] / weight;
  }

 private:
  std::span<double const> values_;
  std::size_t classes_;
};

}  // namespace canopy::forest
