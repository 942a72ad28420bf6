#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include <sys/wait.h>

#include <gmock/gmock.h>
#include <unistd.h>

#include "canopy/comm/environment.hpp"

namespace canopy::comm {
namespace {

using std::chrono::milliseconds;

/// The exit status of a process that lives so; -1 when it does not end by itself.
int status_of(auto const& life) {
  auto const child = fork();
  if (child == 0) life(), _exit(0);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// What started a process that has these variables and no others of the kind.
Launch launched_with(std::initializer_list<std::pair<char const*, char const*>> variables) {
  static auto const all = {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMIX_RANK",
                           "SLURM_STEP_ID", "SLURM_PROCID"};
  std::vector<std::pair<char const*, std::string>> before;
  for (auto const* name : all) {
    if (auto const* value = std::getenv(name)) before.emplace_back(name, value);
    unsetenv(name);
  }
  for (auto const& [name, value] : variables) setenv(name, value, 1);
  auto const found = launch();
  for (auto const* name : all) unsetenv(name);
  for (auto const& [name, value] : before) setenv(name, value.c_str(), 1);
  return found;
}

TEST(Deadline, EndsTheProcessUnlessCalledOff) {
  EXPECT_EQ(status_of([] {
              Deadline deadline;
              deadline.set(0.05, 7);
              while (true) continue;
            }),
            7);
  EXPECT_EQ(status_of([] {
              {
                Deadline deadline;
                deadline.set(0.05, 7);
                deadline.set(0.1, 8);
              }
              std::this_thread::sleep_for(milliseconds{300});
            }),
            0);
}

TEST(Environment, AProcessThatLeavesEndsWithItsStatusAndSaysWhatItHadToSay) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(status_of([&] {
              auto* const out = fdopen(ends[1], "w");
              std::fputs("saved", out);  // in a buffer as yet
              Environment::leave(75);
            }),
            75);
  close(ends[1]);
  char text[16] = {};
  EXPECT_EQ(read(ends[0], text, sizeof text - 1), 5);
  EXPECT_STREQ(text, "saved");
  close(ends[0]);
}

TEST(Launch, IsToldByVariables) {
  auto const alone = launched_with({});
  EXPECT_FALSE(alone.by_mpirun || alone.by_srun);
  EXPECT_EQ(alone.rank, 0);
  auto const mpirun = launched_with({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}});
  EXPECT_TRUE(mpirun.by_mpirun);
  EXPECT_EQ(mpirun.rank, 3);
  auto const srun = launched_with({{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "2"}});
  EXPECT_TRUE(srun.by_srun && !srun.by_mpirun);
  EXPECT_EQ(srun.rank, 2);
  auto const both = launched_with({{"SLURM_STEP_ID", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}});
  EXPECT_TRUE(both.by_mpirun && !both.by_srun) << "mpirun in a job of Slurm's";
}

TEST(Hosts, AreKnownToTheRootByRank) {
  auto const world = Communicator::world();
  auto const all = hosts(world);
  if (!world.is_root()) return;
  EXPECT_THAT(all, testing::SizeIs(world.size()));
  EXPECT_THAT(all, testing::Each(host_name()));
  EXPECT_THAT(mpi_version(), testing::HasSubstr("MPI"));
}

}  // namespace
}  // namespace canopy::comm
