#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// How messages travel between two ranks: one way and then back, or both ways at once.
enum class Ways { one, both };

/// How long messages of one size took.
struct MessageTime {
  std::size_t bytes = 0;
  double median = 0;  ///< seconds: half a round trip, or an exchange
  double least = 0;
  double most = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(bytes, median, least, most);
  }
};

/// Collective. Times messages of these sizes between two ranks while the others wait, about
/// `seconds` for each size, at least five of them. Exchanges go in pieces as our sums over ranks
/// send them. The same on every rank.
std::vector<MessageTime> time_messages(Communicator const& comm, Rank first, Rank second, Ways ways,
                                       std::span<std::size_t const> sizes, double seconds);

}  // namespace canopy::comm
