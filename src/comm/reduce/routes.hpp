#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "canopy/comm/reduce/sum_tree.hpp"

namespace canopy::comm {

/// The sums that a reduction forms: first the partial sums that ranks bring, then one node for
/// each merge, children before parents; the last is the total.
struct SumNode {
  int rank = -1;        ///< who brings it; -1 for a merge
  std::size_t sum = 0;  ///< which of that rank's partial sums it is
  std::size_t left = 0;
  std::size_t right = 0;
  std::size_t parent = 0;  ///< of the total: itself
  bool is_brought() const { return rank >= 0; }
};
std::vector<SumNode> sum_nodes(int leaves, int ranks);

/// Decides on which rank each merge of the tree is done, chunk after chunk. A sum travels when its
/// parent is formed elsewhere; the choice with the fewest travels is found by dynamic programming
/// over the tree, where a travel costs the more, the more its ends have sent and received so far.
/// So all links end up with nearly the same load, near the least total. (Over 16 leaves 3 ranks
/// send 2.0 vectors each; sending all partial sums to the owners of slices takes up to 2.7.)
class Router {
 public:
  Router(int leaves, int ranks);

  std::vector<SumNode> const& nodes() const { return nodes_; }

  /// Where each node is formed. With `owner` the total is formed there, and stays; without, it is
  /// formed where that is cheapest, and is sent to all others.
  std::vector<int> route(std::size_t size, std::optional<int> owner);

 private:
  using Cost = std::int64_t;
  Cost travel(std::size_t from, std::size_t to) const;
  std::size_t best_source(std::size_t child, std::size_t to) const;
  void weigh();
  std::size_t cheapest_owner() const;
  void load(std::size_t from, std::size_t to, std::size_t size);

  std::vector<SumNode> nodes_;
  std::size_t ranks_;
  std::size_t unit_ = 1;  ///< the size of a chunk
  std::size_t least_load_ = 0;
  std::vector<std::size_t> sent_;  ///< by rank, so far
  std::vector<std::size_t> received_;
  std::vector<std::vector<Cost>> costs_;  ///< of having node i on rank r
};

}  // namespace canopy::comm
