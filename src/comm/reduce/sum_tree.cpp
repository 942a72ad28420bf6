#include "canopy/comm/reduce/sum_tree.hpp"

#include <bit>
#include <cassert>

#include <fmt/format.h>

#include "canopy/core/error.hpp"

namespace canopy::comm {
namespace {

/// Whether `right` continues `left` to the sub-tree one level up.
bool are_siblings(Subtree left, Subtree right) {
  return left.level == right.level && left.first % (2 * left.size()) == 0 &&
         right.first == left.first + left.size();
}

/// Pushes sub-trees and joins siblings at the top, as a binary counter carries.
class Stack {
 public:
  /// How many joins the new one caused.
  std::size_t push(Subtree place) {
    places_.push_back(place);
    std::size_t joins = 0;
    while (places_.size() > 1 && are_siblings(places_[places_.size() - 2], places_.back())) {
      places_.pop_back();
      ++places_.back().level;
      ++joins;
    }
    return joins;
  }
  std::vector<Subtree> const& places() const { return places_; }

 private:
  std::vector<Subtree> places_;
};

}  // namespace

Leaves leaves_of(int leaves, int ranks, int rank) {
  if (leaves < 1 || !std::has_single_bit(static_cast<unsigned>(leaves)))
    throw UserError{
        fmt::format("a sum over {} leaves has no perfect tree, expected a power of two", leaves)};
  if (ranks < 1 || ranks > leaves)
    throw UserError{fmt::format(
        "{} ranks cannot share {} leaves (virtual shards of a batch): use at most {} ranks, or a "
        "larger batch",
        ranks, leaves, leaves)};
  assert(rank >= 0 && rank < ranks);
  return {leaves * rank / ranks, leaves * (rank + 1) / ranks};
}

std::vector<Subtree> subtrees_of(Leaves block) {
  Stack stack;
  for (int leaf = block.first; leaf < block.end; ++leaf) stack.push({leaf, 0});
  return stack.places();
}

std::vector<Subtree> subtrees_of_all(int leaves, int ranks) {
  std::vector<Subtree> all;
  for (int rank = 0; rank < ranks; ++rank)
    for (auto const place : subtrees_of(leaves_of(leaves, ranks, rank))) all.push_back(place);
  return all;
}

std::vector<Merge> merges_to_total(std::span<Subtree const> places) {
  std::vector<Merge> merges;
  std::vector<std::size_t> buffers;  // of the sub-trees on the stack
  Stack stack;
  for (std::size_t i = 0; i < places.size(); ++i) {
    buffers.push_back(i);
    for (auto joins = stack.push(places[i]); joins > 0; --joins) {
      merges.push_back({buffers[buffers.size() - 2], buffers.back()});
      buffers.pop_back();
    }
  }
  assert(buffers.size() == 1);
  return merges;
}

std::vector<Arrival> arrivals(Leaves block) {
  std::vector<Arrival> list;
  Stack stack;
  for (int leaf = block.first; leaf < block.end; ++leaf) {
    auto const slot = stack.places().size();
    list.push_back({slot, stack.push({leaf, 0})});
  }
  return list;
}

}  // namespace canopy::comm
