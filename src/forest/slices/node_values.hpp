#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/forest/tree.hpp"

#include "model/pairwise_sum.hpp"

namespace canopy::forest {

/// The class weights of all nodes of a tree, which a cap may make leaves of. Everything in slices
/// takes them from here.
class NodeValues {
 public:
  NodeValues() = default;
  explicit NodeValues(Tree const& tree) { take(tree); }

  /// Memory serves one tree after another.
  void take(Tree const& tree) {
    set_shape(tree);
    tree.all_values(values_, stride_);
  }

  /// Only those of these nodes and of what lies below them.
  void take(Tree const& tree, std::span<std::uint32_t const> tops) {
    set_shape(tree);
    tree.values_below(tops, values_, stride_);
  }

  std::size_t classes() const { return classes_; }
  std::span<double const> of(std::size_t node) const {
    return std::span{values_}.subspan(node * stride_, classes_);
  }
  /// Of this node and of all after it, each in whole vectors of eight.
  std::span<double const> from(std::size_t node) const {
    return std::span{values_}.subspan(node * stride_);
  }

  /// Adds what every class has of a node, as predict_proba does.
  void add_shares(std::size_t node, double* sums) const {
    auto const value = of(node);
    auto const weight = weight_for_shares(value);
    for (std::size_t k = 0; k < classes_; ++k) sums[k] += value[k] / weight;
  }

 private:
  void set_shape(Tree const& tree) {
    classes_ = static_cast<std::size_t>(tree.classes);
    stride_ = (classes_ + 7) / 8 * 8;
  }

  std::vector<double> values_;
  std::size_t classes_ = 0;
  std::size_t stride_ = 0;  ///< of whole vectors
};

}  // namespace canopy::forest
