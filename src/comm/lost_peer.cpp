#include "canopy/comm/lost_peer.hpp"

#include <fmt/format.h>

namespace canopy::comm {

LostPeer::LostPeer(Rank who, std::string const& operation, double seconds)
    : std::runtime_error{fmt::format(
          "rank {} has not answered for {:g} s ({}): it died, hangs, or its machine cannot be "
          "reached; see what it wrote last, and resume from the last checkpoint",
          who.value, seconds, operation)},
      peer{who},
      seconds{seconds} {}

}  // namespace canopy::comm
