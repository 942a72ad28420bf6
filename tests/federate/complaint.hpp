#pragma once

#include <string>

#include "canopy/core/error.hpp"

namespace canopy::federate::test {

/// What `action` complains of, or "none".
std::string complaint(auto const& action) {
  try {
    action();
  } catch (UserError const& e) {
    return e.what();
  }
  return "none";
}

}  // namespace canopy::federate::test
