#pragma once

#include <filesystem>

#include "canopy/store/arrays.hpp"

/// Where things stand in a run file; private to the room.
namespace canopy::record {

/// The attributes of the root group. DataError when `file`, of that path, is not a run file of our
/// schema.
NamedArrays run_attributes(store::File const& file, std::filesystem::path const& path);

}  // namespace canopy::record
