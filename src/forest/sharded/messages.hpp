#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/core/stop.hpp"
#include "canopy/forest/sharded.hpp"
#include "canopy/forest/tree.hpp"

/// What processes tell each other while they grow trees together.
namespace canopy::forest {

/// Numbers that are summed over all processes, and with them whether one of them wants to stop.
class Sums {
 public:
  void resize(std::size_t size) { numbers_.assign(size + 1, 0); }
  std::uint32_t* data() { return numbers_.data(); }
  std::size_t bytes() const { return numbers_.size() * sizeof(std::uint32_t); }
  std::span<std::uint32_t const> at(std::size_t place, std::size_t size) const {
    return std::span{numbers_}.subspan(place, size);
  }

  void sum(Exchange& exchange, StopToken const& stop) {
    numbers_.back() = stop && stop();
    exchange.sum(numbers_);
    if (numbers_.back() > 0) throw Stopped{};
  }

 private:
  std::vector<std::uint32_t> numbers_;
};

/// A part of a tree that has grown, on its way to all processes.
struct GrownSubtree {
  std::int32_t subtree = 0;
  std::vector<Node> nodes;
  std::vector<double> values;

  template <class Archive>
  void fields(Archive& archive) {
    archive(subtree, nodes, values);
  }
};

/// What a process has grown; nothing when it was told to stop.
struct Harvest {
  bool is_stopped = false;
  std::vector<GrownSubtree> grown;

  template <class Archive>
  void fields(Archive& archive) {
    archive(is_stopped, grown);
  }
};

}  // namespace canopy::forest
