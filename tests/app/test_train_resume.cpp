// A forest's run that stops or fails, and goes on.
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/app/train.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/record/run_record.hpp"

#include "app/out_file.hpp"
#include "app/run_text.hpp"
#include "app/small_forest.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using test::digest;
using test::essence;
using test::OutFile;
using test::small_forest;
using test::text_of;

TEST(Train, GoesOnFromTheTreesOfAnInterruptedRun) {
  auto const world = comm::Communicator::world();
  OutFile const out{world}, calm{world};
  auto settings = small_forest(out);
  settings.walltime = 0.5;
  auto const slow = [] { std::this_thread::sleep_for(std::chrono::milliseconds{250}); };
  auto const stopped = run(world, settings, slow);
  EXPECT_EQ(stopped.exit_code, static_cast<int>(ExitCode::interrupted));
  EXPECT_EQ(stopped.status, "interrupted");

  EXPECT_THROW(run(world, settings), UserError) << "a file in the way";
  settings.common.resume = true;
  settings.walltime = {};
  auto other = settings;
  other.forest.max_depth = 3;
  EXPECT_THROW(run(world, other), UserError) << "another run";
  other = settings;
  other.source.data = "synthetic:forest-cover,rows=601";
  EXPECT_THROW(run(world, other), UserError) << "other data";

  auto const resumed = run(world, settings);
  auto const undisturbed = run(world, small_forest(calm));
  EXPECT_EQ(resumed.exit_code, 0);
  if (world.is_root()) {
    EXPECT_EQ(essence(resumed), essence(undisturbed));
    EXPECT_THAT(text_of(*resumed.table("events")),
                AllOf(testing::StartsWith(text_of(*stopped.table("events"))),
                      testing::HasSubstr("walltime"), testing::HasSubstr("trees taken over")));
    EXPECT_FALSE(fs::exists(out.journal()));
  }
  auto const again = run(world, settings);
  EXPECT_EQ(again.exit_code, 0) << "nothing to do";
  if (world.is_root()) {
    EXPECT_EQ(digest(again), digest(resumed));
  }
}

TEST(Train, DoesNotTakeOverTreesOfAnotherRun) {
  auto const world = comm::Communicator::world();
  OutFile const out{world}, calm{world};
  auto settings = small_forest(out);
  settings.walltime = 0.5;
  auto const slow = [] { std::this_thread::sleep_for(std::chrono::milliseconds{250}); };
  EXPECT_EQ(run(world, settings, slow).status, "interrupted");
  auto const first = out.path() + ".first";
  if (world.is_root()) fs::rename(out.path(), first);
  // As a killed run with --overwrite leaves it: its journal beside the run file of the first run.
  settings.common.overwrite = true;
  settings.common.seed = 12;
  EXPECT_EQ(run(world, settings, slow).status, "interrupted");
  if (world.is_root()) fs::rename(first, out.path());
  world.barrier();
  settings.common.overwrite = false;
  settings.common.resume = true;
  settings.walltime = {};
  auto const resumed = run(world, settings);
  settings.common.resume = false;
  settings.common.out = calm.path();
  auto const undisturbed = run(world, settings);
  if (world.is_root()) {
    EXPECT_EQ(digest(resumed), digest(undisturbed));
    EXPECT_EQ(resumed.table("events")->rows(), 0u) << "nor its events";
  }
}

TEST(Train, RefusesTheRunFileOfAnotherRunEvenWithoutItsJournal) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto settings = small_forest(out);
  settings.walltime = 1e-9;
  EXPECT_EQ(run(world, settings).status, "interrupted");
  if (world.is_root()) fs::remove(out.journal());
  world.barrier();
  settings.common.resume = true;
  settings.common.seed = 12;
  EXPECT_THROW(run(world, settings), UserError);
  EXPECT_THROW(run(world, settings), UserError) << "the second time too";
}

TEST(Train, ARunThatFailsKeepsItsTrees) {
  auto const world = comm::Communicator::world();
  OutFile const out{world}, calm{world};
  auto settings = small_forest(out);
  settings.walltime = 0.5;
  auto const nap = [] { std::this_thread::sleep_for(std::chrono::milliseconds{250}); };
  EXPECT_EQ(run(world, settings, nap).status, "interrupted");
  auto const saved = [&] { return forest::Forest::from_arrays(*record::read(out.path()).model); };
  auto const before = world.is_root() ? saved().trees().size() : 0;
  settings.common.resume = true;
  settings.walltime = {};
  EXPECT_ANY_THROW(run(world, settings, [] { throw std::runtime_error{"no memory left"}; }));
  if (world.is_root()) {
    auto const failed = record::read(out.path());
    EXPECT_EQ(failed.status, "failed");
    EXPECT_THAT(text_of(*failed.table("events")), testing::HasSubstr("no memory left"));
    ASSERT_TRUE(failed.model.has_value());
    EXPECT_GE(saved().trees().size(), before);
  }
  auto const resumed = run(world, settings);
  auto const undisturbed = run(world, small_forest(calm));
  if (world.is_root()) {
    EXPECT_EQ(essence(resumed), essence(undisturbed));
    EXPECT_THAT(text_of(*resumed.table("events")),
                testing::ContainsRegex("[1-9][0-9]* trees taken over"));
  }
}

}  // namespace
}  // namespace canopy::app
