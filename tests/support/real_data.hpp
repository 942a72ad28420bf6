#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

namespace canopy::test {

/// The folder that holds forest-cover/train.csv: $CANOPY_DATA_DIR, else data/ of the source tree,
/// else ../shared/data. Nothing when the real data is not there: such tests skip themselves.
inline std::optional<std::filesystem::path> real_data_dir() {
  std::filesystem::path const source{CANOPY_SOURCE_DIR};
  std::vector<std::filesystem::path> places{source / "data", source / ".." / "shared" / "data"};
  if (auto const* given = std::getenv("CANOPY_DATA_DIR")) places.insert(places.begin(), given);
  for (auto const& place : places)
    if (std::filesystem::exists(place / "forest-cover" / "train.csv")) return place;
  return {};
}

}  // namespace canopy::test
