#pragma once

#include <string>

#include "canopy/core/error.hpp"

namespace canopy::test {

/// What the user is told when `action` refuses, or "none".
std::string complaint(auto const& action) {
  try {
    action();
  } catch (UserError const& e) {
    return e.what();
  }
  return "none";
}

}  // namespace canopy::test
