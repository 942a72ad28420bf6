#pragma once

#include <string>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/core/array.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/optimizer.hpp"

namespace canopy::train {

/// State of an optimizer, such as momentum, for one range of the arena.
struct StatePiece {
  std::string name;
  nn::Range range;
  std::vector<float> values;
  template <class Archive>
  void fields(Archive& archive) {
    archive(name, range, values);
  }
};
using StatePieces = std::vector<StatePiece>;

/// Adds what the optimizer holds.
void add_state(StatePieces& pieces, nn::Optimizer& optimizer);
/// Takes its part of the arrays of the whole arena. DataError when one is missing or of another
/// length.
void restore_state(nn::Optimizer& optimizer, NamedArrays const& whole, std::size_t arena_size);

/// Collective. On the root the arrays of the whole arena, whoever holds which part; 0 where nobody
/// does. Elsewhere nothing.
NamedArrays gather_state(comm::Communicator const& comm, StatePieces const& mine,
                         std::size_t arena_size);

}  // namespace canopy::train
