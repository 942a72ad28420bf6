#include "canopy/comm/vigil.hpp"

#include <fmt/format.h>

namespace canopy::comm {

Vigil::Vigil(Communicator const& comm, double silence) {
  for (auto const& process : comm.broadcast(comm.gather(this_process())))
    watched_.push_back({ProcessWatch{process}, Silence{silence, longest_step}});
}

std::optional<std::string> Vigil::why_lost(Rank rank) {
  auto& watched = at(rank);
  auto const silent = watched.silence.is_too_long();
  if (watched.process.has_ended()) return "its process has ended";
  if (silent) return fmt::format("nothing was heard of it for {:g} s", watched.silence.timeout());
  return {};
}

}  // namespace canopy::comm
