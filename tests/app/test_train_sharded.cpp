// Forests whose rows stay on several ranks.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/app/train.hpp"
#include "canopy/record/run_record.hpp"

#include "app/out_file.hpp"
#include "app/run_text.hpp"
#include "app/small_forest.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using test::essence;
using test::OutFile;
using test::small_forest;
using test::text_of;

TEST(Train, ShardedRowsGiveTheModelOfDealtTrees) {
  auto const world = comm::Communicator::world();
  OutFile const by_rows{world};
  OutFile const by_trees{world};
  auto settings = small_forest(by_rows);
  settings.forest.oob_score = false;
  settings.scoring = "f1_macro";
  settings.rows_sharded = true;
  auto const sharded = run(world, settings);
  settings.rows_sharded = false;
  settings.common.out = by_trees.path();
  auto const dealt = run(world, settings);
  EXPECT_EQ(sharded.exit_code, 0);
  EXPECT_EQ(sharded.status, "complete");
  if (!world.is_root()) return;
  EXPECT_EQ(essence(sharded), essence(dealt));
  EXPECT_EQ(essence(record::read(by_rows.path())), essence(dealt)) << "what was written";
  EXPECT_EQ(sharded.model, dealt.model);
  EXPECT_EQ(sharded.table("ranks")->rows(), static_cast<std::size_t>(world.size()));
  EXPECT_EQ(sharded.table("sharding")->rows(), 1u);
  EXPECT_FALSE(fs::exists(by_rows.journal()));
}

TEST(Train, ShardedRowsRefuseWhatTheyCannotDoAndLeaveNoFile) {
  auto const world = comm::Communicator::world();
  OutFile const out{world};
  auto const refused = [&](auto change) {
    auto settings = small_forest(out);
    settings.forest.oob_score = false;
    settings.rows_sharded = true;
    change(settings);
    EXPECT_THROW(run(world, settings), UserError);
    EXPECT_FALSE(fs::exists(out.path()));
    EXPECT_FALSE(fs::exists(out.journal()));
  };
  refused([](auto& settings) { settings.forest.oob_score = true; });
  refused([](auto& settings) { settings.forest.max_leaf_nodes = 9; });
  refused([](auto& settings) { settings.forest.rng = forest::Rng::sklearn; });
  refused([](auto& settings) { settings.scoring = "neg_log_loss"; });
  refused([](auto& settings) { settings.source.data = "no-such-data"; });
}

TEST(Train, ShardedRowsStopAndResume) {
  auto const world = comm::Communicator::world();
  OutFile const calm{world};
  OutFile const out{world};
  auto settings = small_forest(calm);
  settings.forest.oob_score = false;
  settings.rows_sharded = true;
  auto const undisturbed = run(world, settings);
  settings.common.out = out.path();
  settings.walltime = 1e-6;
  auto const stopped = run(world, settings);
  EXPECT_EQ(stopped.exit_code, 75);
  EXPECT_EQ(stopped.status, "interrupted");
  settings.walltime.reset();
  settings.common.resume = true;
  auto const resumed = run(world, settings);
  EXPECT_EQ(resumed.exit_code, 0);
  if (world.is_root()) {
    EXPECT_EQ(essence(resumed), essence(undisturbed));
    EXPECT_THAT(text_of(*resumed.table("events")),
                AllOf(testing::StartsWith(text_of(*stopped.table("events"))),
                      testing::HasSubstr("walltime"), testing::HasSubstr("trees taken over")));
  }
  EXPECT_EQ(run(world, settings).status, "complete") << "nothing is left to do";
}

}  // namespace
}  // namespace canopy::app
