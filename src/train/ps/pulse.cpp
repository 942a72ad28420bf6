#include "ps/pulse.hpp"

#include <algorithm>
#include <cstdint>

#include "canopy/comm/patience.hpp"

namespace canopy::train {
namespace {

constexpr double interval = 1;  // seconds between beats

/// A beat, or the last one before all settle.
enum Kind : std::int64_t { alive, last };

}  // namespace

Pulse::Pulse(comm::Communicator const& comm, comm::Rank first, comm::Rank end, double timeout)
    : comm_{comm.duplicate()},
      first_{first},
      timeout_{timeout},
      ear_{comm_, timeout},
      mouth_{comm_, timeout},
      settled_(static_cast<std::size_t>(end.value - first.value)),
      last_heard_(static_cast<std::size_t>(end.value - first.value), 0.0) {}

void Pulse::start() {
  listen();
  std::ranges::fill(last_heard_, clock_.seconds());
}

void Pulse::beat() {
  auto const now = clock_.seconds();
  if (now - last_beat_ < std::min(interval, timeout_ / 4)) return;
  last_beat_ = now;
  listen();
  for (std::size_t peer = 0; peer < last_heard_.size(); ++peer)
    mouth_.send(rank_of(peer), alive, 0, {});
}

void Pulse::listen() {
  while (auto const beat = ear_.next(0)) {
    auto const peer = static_cast<std::size_t>(beat->from.value - first_.value);
    last_heard_[peer] = clock_.seconds();
    if (beat->kind == last) ++settled_[peer];
  }
}

void Pulse::settle() {
  start();
  for (std::size_t peer = 0; peer < settled_.size(); ++peer)
    mouth_.send(rank_of(peer), last, 0, {});
  comm::Patience patience;
  for (std::size_t peer = 0; peer < settled_.size(); ++peer) {
    for (listen(); settled_[peer] == 0; listen()) {
      check(rank_of(peer), "end of an epoch");
      patience.rest();
    }
    --settled_[peer];
  }
}

void Pulse::check(comm::Rank peer, char const* awaited) {
  auto const& heard = last_heard_[static_cast<std::size_t>(peer.value - first_.value)];
  if (clock_.seconds() - heard < timeout_) return;
  listen();  // it may have spoken while we were computing
  if (clock_.seconds() - heard >= timeout_) throw comm::LostPeer{peer, awaited, timeout_};
}

}  // namespace canopy::train
