#pragma once

#include <functional>

#include "canopy/core/error.hpp"

namespace canopy {

/// Asked between two pieces of long work; true means "give up now". Empty means never.
using StopToken = std::function<bool()>;

inline void throw_if_stopped(StopToken const& token) {
  if (token && token()) throw Stopped{};
}

}  // namespace canopy
