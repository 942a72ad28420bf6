#include <set>
#include <string>

#include <gtest/gtest.h>

#include "canopy/app/calibrate.hpp"
#include "canopy/app/plan.hpp"
#include "canopy/core/error.hpp"

#include "app/out_file.hpp"
#include "calibration.hpp"

namespace canopy::app {
namespace {

using comm::Communicator;
using test::OutFile;

CalibrateSettings quick(OutFile const& out) {
  CalibrateSettings settings;
  settings.model = {"mlp:24", "forest"};
  settings.data = "synthetic:mnist,rows=100";
  settings.forest_data = "synthetic:forest-cover,rows=300";
  settings.rows = {16, 48};
  settings.window = 0.002;
  settings.windows = 2;
  settings.common.out = out.path();
  settings.common.quiet = true;
  return settings;
}

TEST(Calibrate, MeasuresWhatThePlannerReads) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto const record = run(world, quick(out));
  EXPECT_EQ(record.exit_code, 0);
  if (!world.is_root()) return;
  auto const read = record::read(out.path());
  EXPECT_EQ(read.np, world.size());
  auto const calibration = calibration_of(read, "this");
  auto const& model = calibration.model("mlp:24");
  EXPECT_EQ(model.layers.size(), 2u);
  EXPECT_GT(model.pass_seconds(32), 0);
  EXPECT_EQ(model.layers[0].backward.per_unit, 0) << "nobody wants the gradient of the input";
  EXPECT_GT(model.layers[1].backward.seconds(16), 0);
  EXPECT_GT(model.update_per_parameter, 0);
  EXPECT_EQ(model.optimizer_states, 1) << "sgd has momentum";
  EXPECT_GT(calibration.cluster.add_per_byte, 0);
  EXPECT_GT(calibration.tree.value().per_unit, 0);
  EXPECT_EQ(calibration.has_within, world.size() > 1);
  EXPECT_FALSE(calibration.has_between) << "all on this machine";
  EXPECT_EQ(calibration.cluster.ranks_per_node, world.size());
  EXPECT_EQ(calibration.task_seconds > 0, world.size() > 1);
  EXPECT_EQ(read.table("sums")->rows(), world.size() > 1 ? 12u : 0u);
  auto const& updates = *read.table("updates");
  ASSERT_EQ(updates.rows(), 1u);
  auto const beyond = updates.number(0, "seconds") - updates.number(0, "predicted");
  EXPECT_NEAR(model.meeting, std::max(0.0, beyond), 1e-12);
  auto const& kernels = *read.table("kernels");
  for (std::size_t row = 0; row < kernels.rows(); ++row) {
    EXPECT_LE(kernels.number(row, "least"), kernels.number(row, "seconds"));
    EXPECT_LE(kernels.number(row, "seconds"), kernels.number(row, "most"));
  }
}

TEST(Calibrate, IsEnoughForAPlanOfAsManyRanks) {
  auto const world = Communicator::world();
  OutFile const out{world};
  run(world, quick(out));
  if (!world.is_root()) return;
  PlanSettings settings;
  settings.calibration = out.path();
  settings.model = "mlp:24";
  settings.batch_size = 256;
  settings.np = {1, world.size()};
  settings.common.out = out.path() + ".plan";
  settings.common.quiet = true;
  auto const plan = run(settings);
  std::filesystem::remove(settings.common.out);
  EXPECT_EQ(plan.table("plan")->rows(), 2u);
  EXPECT_GT(plan.table("plan")->number(1, "seconds"), 0);
}

TEST(Calibrate, RefusesModelsThatThereAreNot) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto settings = quick(out);
  settings.model = {"mlp:24", "magic"};
  EXPECT_THROW(run(world, settings), UserError);
}

}  // namespace
}  // namespace canopy::app
