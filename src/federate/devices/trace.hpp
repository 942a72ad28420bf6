#pragma once

#include <string>
#include <vector>

#include "canopy/federate/devices.hpp"

namespace canopy::federate {

/// The rows of a device trace (see Devices). DataError "FILE: line N: problem, expected ...".
std::vector<Profile> read_device_trace(std::string const& file);

}  // namespace canopy::federate
