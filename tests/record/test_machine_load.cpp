#include "canopy/record/machine_load.hpp"

#include <cmath>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "temporary_folder.hpp"

namespace canopy::record {
namespace {

/// The files of a machine below a folder.
struct Machine {
  TemporaryFolder folder;
  std::filesystem::path root() const { return folder / ""; }
  void has(std::string const& path, std::string const& text) const {
    auto const file = folder / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file} << text;
  }
};

TEST(MachineLoad, IsKnownHere) {
  EXPECT_GE(load_average(), 0);
}

TEST(MachineLoad, ThrottlingByGroupsOfVersion2) {
  Machine const machine;
  machine.has("proc/self/cgroup", "0::/user/job 7\n");
  machine.has("sys/fs/cgroup/user/job 7/cpu.stat", "usage_usec 9\nthrottled_usec 2500000\n");
  EXPECT_DOUBLE_EQ(throttled_seconds(machine.root()), 2.5);
}

TEST(MachineLoad, ThrottlingByGroupsOfVersion1) {
  Machine const machine;
  machine.has("proc/self/cgroup", "3:cpuset:/a\n2:cpu,cpuacct:/vm1\n0::/b\n");
  machine.has("sys/fs/cgroup/cpu,cpuacct/vm1/cpu.stat", "nr_periods 5\nthrottled_time 1500000000\n");
  machine.has("sys/fs/cgroup/b/cpu.stat", "throttled_usec 9\n");
  EXPECT_DOUBLE_EQ(throttled_seconds(machine.root()), 1.5);
}

TEST(MachineLoad, ThrottlingIsUnknownWhereNothingTells) {
  Machine const machine;
  EXPECT_TRUE(std::isnan(throttled_seconds(machine.root())));
  machine.has("proc/self/cgroup", "what is this\n0::/b\n");
  EXPECT_TRUE(std::isnan(throttled_seconds(machine.root())));
}

}  // namespace
}  // namespace canopy::record
