#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// Collective, of equal length everywhere. Each number becomes the sum over all ranks (modulo
/// 2^32, so in any order).
void sum_in_place(Communicator const& comm, std::span<std::uint32_t> numbers);

/// Collective. `to[r]` goes to rank r; gives what each rank sent here, in rank order.
std::vector<Bytes> all_to_all(Communicator const& comm, std::vector<Bytes> to);

/// Collective. The bytes of every rank, in rank order, on all of them.
std::vector<Bytes> all_gather(Communicator const& comm, Bytes mine);

/// Collective. What the root's `make(r)` gives reaches rank r, one after the other, so that the
/// root holds one at a time.
Bytes scatter(Communicator const& comm, std::function<Bytes(int rank)> const& make);

}  // namespace canopy::comm
