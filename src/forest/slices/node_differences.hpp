#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "canopy/forest/tree.hpp"

#include "slices/slice_caps.hpp"
#include "slices/slice_votes.hpp"

namespace canopy::forest {

/// By how much the shares of a tree's nodes differ from their parents', in whole numbers.
/// `FixedVectors` as in ClassScores.
///
/// Goes from the last node to the first: when a split node comes, its children are on top of a
/// stack, the left one above the right one, and it takes their place.
template <std::size_t FixedVectors>
class NodeDifferences {
 public:
  explicit NodeDifferences(FixedShares const& shares)
      : shares_{shares}, vectors_{FixedShares::vectors(shares.classes())} {
    if constexpr (FixedVectors == 0) none_.resize(vectors_);
  }

  /// Writes them for every node, those of the root being its shares, and zeros behind the last.
  void write(Tree const& tree, NodeNumbers* to) {
    height_ = 0;
    keeps_all_ = tree.has_all_values();
    for (std::size_t i = tree.size(); i-- > 0;) {
      if (tree.nodes[i].is_leaf())
        push(tree, i);
      else
        join(tree, i, to);
    }
    std::ranges::copy(numbers(0), to);
    std::fill_n(to + tree.size() * vectors(), vectors(), NodeNumbers{});
  }

 private:
  std::size_t vectors() const {
    if constexpr (FixedVectors > 0) return FixedVectors;
    return vectors_;
  }
  std::span<NodeWeights> weights(std::size_t place) {
    return {weights_.data() + place * vectors(), vectors()};
  }
  std::span<NodeNumbers> numbers(std::size_t place) {
    return {numbers_.data() + place * vectors(), vectors()};
  }

  void push(Tree const& tree, std::size_t number) {
    if (height_ == nodes_.size()) grow();
    auto const& leaf = tree.nodes[number];
    auto const top = height_++;
    nodes_[top] = static_cast<std::int32_t>(number);
    if (!keeps_all_ && tree.has_one_class(leaf)) {
      set_only(weights(top), leaf.code_threshold, leaf.weight);
      shares_.convert(leaf.code_threshold, numbers(top));
    } else {
      put(keeps_all_ ? tree.row(number) : tree.value(leaf), weights(top));
      shares_.convert(weights(top), numbers(top));
    }
  }

  void join(Tree const& tree, std::size_t number, NodeNumbers* to) {
    auto const right_child = static_cast<std::size_t>(tree.nodes[number].right);
    check_order(height_ > 1 && std::cmp_equal(nodes_[height_ - 2], right_child));
    auto const left = --height_;
    auto const top = left - 1;  // the right child until now
    nodes_[top] = static_cast<std::int32_t>(number);
    for (std::size_t v = 0; v < vectors(); ++v) weights(top)[v].v += weights(left)[v].v;
    if (keeps_all_) put(tree.row(number), weights(top));
    auto owns = none_;
    shares_.convert(weights(top), std::span{owns.data(), vectors()});
    for (std::size_t v = 0; v < vectors(); ++v) {
      auto const own = owns[v].v;
      to[(number + 1) * vectors() + v].v = numbers(left)[v].v - own;
      to[right_child * vectors() + v].v = numbers(top)[v].v - own;
      numbers(top)[v].v = own;
    }
  }

  /// The weights of classes, in vectors that are zero behind the last.
  static void put(std::span<double const> value, std::span<NodeWeights> weights) {
    std::ranges::fill(weights, NodeWeights{});
    std::ranges::copy(value, reinterpret_cast<double*>(weights.data()));
  }

  void grow() {
    nodes_.resize(2 * height_ + 64);
    weights_.resize(nodes_.size() * vectors());
    numbers_.resize(nodes_.size() * vectors());
  }

  using Vectors = std::conditional_t<FixedVectors == 0, std::vector<NodeNumbers>,
                                     std::array<NodeNumbers, FixedVectors>>;

  FixedShares const& shares_;
  std::size_t vectors_;
  Vectors none_{};
  bool keeps_all_ = false;  ///< the tree does
  // The stack.
  std::size_t height_ = 0;
  std::vector<std::int32_t> nodes_;
  std::vector<NodeWeights> weights_;
  std::vector<NodeNumbers> numbers_;
};

}  // namespace canopy::forest
