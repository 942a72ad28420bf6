#pragma once

#include <string>

#include "canopy/core/error.hpp"

namespace canopy::forest {

/// A saved forest is not what was saved.
[[noreturn]] inline void damaged(std::string const& what) {
  throw DataError{"the forest is damaged: " + what + "; save or train it again"};
}

}  // namespace canopy::forest
