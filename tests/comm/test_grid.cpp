#include <gtest/gtest.h>

#include "canopy/comm/grid.hpp"

namespace canopy::comm {
namespace {

TEST(Grid, RanksKnowTheirPlaceAndTheirTwoGroups) {
  auto const world = Communicator::world();
  for (int stages = 1; stages <= world.size(); ++stages) {
    if (world.size() % stages != 0) continue;
    GridShape const shape{world.size() / stages, stages};
    Grid const grid{world, shape};
    EXPECT_EQ(shape.rank_of(grid.replica(), grid.stage()), world.rank());
    EXPECT_EQ(grid.replica_group().size(), shape.replicas);
    EXPECT_EQ(grid.replica_group().rank(), Rank{grid.replica()});
    EXPECT_EQ(grid.stage_group().size(), shape.stages);
    EXPECT_EQ(grid.stage_group().rank(), Rank{grid.stage()});
    // The root of each group is on the grid where it should be.
    EXPECT_EQ(grid.replica_group().broadcast(world.rank().value), grid.stage());
    EXPECT_EQ(grid.stage_group().broadcast(world.rank().value), grid.replica() * stages);
  }
}

TEST(Grid, NamesItsRanks) {
  EXPECT_EQ((GridShape{3, 2}.name_of({5})), "rank 5 (replica 2, stage 1)");
}

TEST(Grid, RefusesShapesThatDoNotFit) {
  auto const world = Communicator::world();
  EXPECT_THROW((Grid{world, {world.size() + 1, 1}}), UserError);
  EXPECT_THROW((Grid{world, {0, 1}}), UserError);
  EXPECT_THROW((Grid{world, {-1, -world.size()}}), UserError);
}

}  // namespace
}  // namespace canopy::comm
