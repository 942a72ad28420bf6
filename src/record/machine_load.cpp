#include "canopy/record/machine_load.hpp"

#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

#include "canopy/core/text.hpp"

namespace canopy::record {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

bool holds_processors(std::string_view controllers) {
  for (auto const& name : text::split(controllers, ','))
    if (name == "cpu") return true;
  return false;
}

/// Version 2 tells microseconds, version 1 nanoseconds.
double throttled_in(std::filesystem::path const& group) {
  std::ifstream stat{group / "cpu.stat"};
  std::string name;
  for (double value = 0; stat >> name >> value;) {
    if (name == "throttled_usec") return value * 1e-6;
    if (name == "throttled_time") return value * 1e-9;
  }
  return unknown;
}

}  // namespace

double load_average() {
  double load = unknown;
  return getloadavg(&load, 1) == 1 ? load : unknown;
}

double throttled_seconds(std::filesystem::path const& root) {
  auto const mounted = root / "sys/fs/cgroup";
  auto found = unknown;
  // NUMBER:CONTROLLERS:/GROUP, of version 2 "0::/GROUP"; in a container the group may be the root.
  std::ifstream groups{root / "proc/self/cgroup"};
  for (std::string line; std::getline(groups, line);) {
    auto const parts = text::split(line, ':');
    if (parts.size() < 3) continue;
    auto const group = std::filesystem::path{parts[2]}.relative_path();
    if (holds_processors(parts[1])) return throttled_in(mounted / parts[1] / group);
    if (parts[1].empty()) found = throttled_in(mounted / group);
  }
  return found;
}

}  // namespace canopy::record
