#include "canopy/comm/reduce/partial_sums.hpp"

#include <algorithm>
#include <cassert>

#include "reduce/add.hpp"

namespace canopy::comm {
namespace {

/// In any order we like: the first leaf stays where it is, every later one is added to it.
std::vector<Arrival> one_after_the_other(Leaves block) {
  std::vector<Arrival> list(static_cast<std::size_t>(block.count()), Arrival{1, 1});
  list.front() = {0, 0};
  return list;
}

}  // namespace

PartialSums::PartialSums(Order order, int leaves, int ranks, int rank, std::size_t size)
    : order_{order},
      leaves_{leaves},
      block_{leaves_of(leaves, ranks, rank)},
      size_{size},
      arrivals_{order == Order::tree ? arrivals(block_) : one_after_the_other(block_)} {
  auto const slots = std::ranges::max_element(arrivals_, {}, &Arrival::slot)->slot + 1;
  floats_.resize(slots * size_);
  auto const left = order == Order::tree ? subtrees_of(block_).size() : 1;
  for (std::size_t i = 0; i < left; ++i) sums_.push_back(slot(i));
}

std::span<float> PartialSums::slot(std::size_t index) {
  return {floats_.data() + index * size_, size_};
}

std::span<float> PartialSums::leaf(int leaf) {
  assert(leaf >= block_.first && leaf < block_.end);
  return slot(arrivals_[static_cast<std::size_t>(leaf - block_.first)].slot);
}

void PartialSums::merge(int leaf, Range range) {
  assert(range.first + range.size <= size_);
  auto const [last, merges] = arrivals_[static_cast<std::size_t>(leaf - block_.first)];
  for (std::size_t i = 0; i < merges; ++i) {
    auto const into = slot(last - i - 1).subspan(range.first, range.size);
    auto const from = slot(last - i).subspan(range.first, range.size);
    add(into.data(), into.data(), from.data(), range.size);
  }
}

}  // namespace canopy::comm
