#include <chrono>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/comm/farm.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/train/forest_by_trees.hpp"

#include "forest/tables.hpp"

namespace canopy::train {
namespace {

// ---- the dealer

std::vector<TreeBlock> deal_all(Trees const& trees, int ranks, double seconds_per_tree) {
  TreeDealer dealer{trees, ranks};
  std::vector<TreeBlock> blocks;
  while (!dealer.empty()) {
    blocks.push_back(dealer.take());
    if (seconds_per_tree > 0)
      dealer.measured(blocks.back(), seconds_per_tree * blocks.back().size());
  }
  return blocks;
}

TEST(TreeDealer, DealsEveryTreeOnceAndInOrder) {
  for (int const trees : {0, 1, 2, 3, 7, 100, 1000})
    for (int const ranks : {1, 2, 8, 5000})
      for (double const seconds : {0.0, 1e-6, 0.01, 3.0}) {
        int next = 0;
        for (auto const& [first, last] : deal_all(Trees(trees), ranks, seconds)) {
          EXPECT_EQ(first, next);
          EXPECT_LT(first, last) << "an empty block";
          next = last;
        }
        EXPECT_EQ(next, trees) << ranks << " ranks, " << seconds << " s a tree";
      }
}

TEST(TreeDealer, BlocksTakeAboutHalfASecond) {
  auto const blocks = deal_all(Trees(1000), 2, 0.05);
  EXPECT_EQ(blocks[0].size(), 1) << "nothing is known of the speed";
  EXPECT_EQ(blocks[1].size(), 10);
  EXPECT_EQ(deal_all(Trees(1000), 2, 2.0)[1].size(), 1);
}

TEST(TreeDealer, TheLastBlocksAreSmall) {
  auto const blocks = deal_all(Trees(1000), 4, 1e-4);
  EXPECT_EQ(blocks.back().size(), 1);
  for (std::size_t b = 1; b < blocks.size(); ++b)
    EXPECT_LE(blocks[b].size(), std::max(1, (1000 - blocks[b].first) / 12))
        << "that one rank does not get what could keep four busy";
}

TEST(TreeDealer, LeavesOutWhatIsGrown) {
  Trees trees(10);
  for (std::size_t t : {0, 3, 4, 9}) trees[t].nodes.resize(1);
  std::vector<int> dealt;
  for (auto const& block : deal_all(trees, 1, 1e-6))
    for (int t = block.first; t < block.last; ++t) dealt.push_back(t);
  EXPECT_EQ(dealt, (std::vector<int>{1, 2, 5, 6, 7, 8}));
}

TEST(Trees, TravelBitForBit) {
  auto const forest =
      forest::test::grow(forest::test::mixed(200, 3, 1), forest::test::parameters({}));
  EXPECT_EQ(trees_from_bytes(trees_to_bytes(forest.trees())), forest.trees());
  EXPECT_EQ(trees_from_bytes(trees_to_bytes({})), Trees{});
}

// ---- the fit over a farm

/// A forest of 40 trees, which every rank can grow any part of.
struct Fixture {
  data::EncodedTable table = data::EncodedTable::encode(forest::test::mixed(200, 3, 1));
  std::vector<data::RowIndex> rows = forest::test::all_rows(table);
  forest::ForestParameters parameters = forest::test::parameters({{"n-estimators", "40"}});

  Trees grow(TreeBlock block, StopToken const& stop = {}) const {
    return forest::grow_trees(table, rows, parameters, Key{4}, block.first, block.last, stop);
  }
  Trees all() const { return grow({0, 40}); }
  comm::Work work(std::function<void()> const& before = {}) const {
    return [this, before](Bytes const& payload, StopToken const& stop) {
      if (before) before();
      return trees_to_bytes(grow(from_bytes<TreeBlock>(payload), stop));
    };
  }
  ForestJob job(bool root_works) const {
    ForestJob job;
    job.task = [](TreeBlock block) { return to_bytes(block); };
    if (root_works)
      job.grow_here = [this](TreeBlock block, StopToken const& stop) { return grow(block, stop); };
    job.interrupted = [] { return false; };
    job.watch = [](Trees const&) {};
    return job;
  }
};

TEST(GrowOver, GivesTheSameForestWhoeverGrowsWhat) {
  auto const world = comm::Communicator::world();
  Fixture const fixture;
  for (bool const root_works : {false, true})
    for (int round = 0; round < 4; ++round) {
      std::minstd_rand delays{std::random_device{}()};
      comm::Farm farm{world, fixture.work([&] {
                        std::this_thread::sleep_for(std::chrono::milliseconds{delays() % 20});
                      })};
      if (!world.is_root()) {
        farm.serve();
        continue;
      }
      Trees trees(40);
      grow_over(farm, fixture.job(root_works), trees);
      EXPECT_EQ(trees, fixture.all()) << "the root " << (root_works ? "works" : "deals only");
      auto const uses = farm.shut_down();
      EXPECT_EQ(uses[0].tasks > 0, root_works || world.size() == 1);
      if (world.size() == 2 && !root_works) {
        EXPECT_GT(uses[1].tasks, 0);
      }
    }
}

TEST(GrowOver, WorkersGetTheirShareWhileTheRootGrows) {
  auto const world = comm::Communicator::world();
  Fixture const fixture;
  auto const slow = [] { std::this_thread::sleep_for(std::chrono::milliseconds{30}); };
  comm::Farm farm{world, fixture.work(slow)};
  if (!world.is_root()) return farm.serve();
  auto job = fixture.job(true);
  job.grow_here = [&](TreeBlock block, StopToken const& stop) {
    Trees trees;
    for (int t = block.first; t < block.last; ++t) {
      for (int i = 0; i < 30; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
        throw_if_stopped(stop);
      }
      trees.push_back(std::move(fixture.grow({t, t + 1}).front()));
    }
    return trees;
  };
  Trees trees(40);
  grow_over(farm, job, trees);
  EXPECT_EQ(trees, fixture.all());
  for (auto const& use : farm.shut_down()) EXPECT_GT(use.tasks, 0) << "nobody idles";
}

TEST(GrowOver, GrowsOnlyWhatIsMissing) {
  auto const world = comm::Communicator::world();
  Fixture const fixture;
  comm::Farm farm{world, fixture.work()};
  if (!world.is_root()) return farm.serve();
  auto const all = fixture.all();
  Trees trees(40);
  for (std::size_t t : {0, 1, 7, 20, 39}) trees[t] = all[t];
  auto job = fixture.job(true);
  std::vector<int> asked;
  auto const note = [&](TreeBlock block) {
    for (int t = block.first; t < block.last; ++t) asked.push_back(t);
  };
  job.task = [&](TreeBlock block) { return note(block), to_bytes(block); };
  job.grow_here = [&](TreeBlock block, StopToken const& stop) {
    note(block);
    return fixture.grow(block, stop);
  };
  grow_over(farm, job, trees);
  EXPECT_EQ(trees, all);
  for (int const known : {0, 1, 7, 20, 39})
    EXPECT_THAT(asked, testing::Not(testing::Contains(known)));
}

TEST(GrowOver, KeepsWhatIsGrownWhenInterrupted) {
  auto const world = comm::Communicator::world();
  Fixture const fixture;
  for (bool const root_works : {false, true}) {
    comm::Farm farm{
        world, fixture.work([] { std::this_thread::sleep_for(std::chrono::milliseconds{5}); })};
    if (!world.is_root()) {
      farm.serve();
      continue;
    }
    Trees trees(40);
    auto job = fixture.job(root_works);
    job.interrupted = [&] { return count_grown(trees) >= 5; };
    EXPECT_THROW(grow_over(farm, job, trees), Stopped);
    EXPECT_GE(count_grown(trees), 5);
    EXPECT_LT(count_grown(trees), 40);
    EXPECT_EQ(farm.outstanding(), 0u);
    auto const all = fixture.all();
    for (std::size_t t = 0; t < all.size(); ++t)
      if (trees[t].size() > 0) {
        EXPECT_EQ(trees[t], all[t]);
      }
    grow_over(farm, fixture.job(root_works), trees);
    EXPECT_EQ(trees, all) << "and goes on";
    farm.shut_down();
  }
}

TEST(GrowOver, SaysWhichTreesAWorkerCouldNotGrow) {
  auto const world = comm::Communicator::world();
  Fixture const fixture;
  auto const coordinate = [&] {
    comm::Farm farm{world, fixture.work([] { throw std::runtime_error{"out of memory"}; })};
    if (!world.is_root()) return farm.serve();
    Trees trees(40);
    grow_over(farm, fixture.job(false), trees);
  };
  try {
    world.together("fit", coordinate);
    FAIL();
  } catch (std::runtime_error const& e) {
    EXPECT_THAT(e.what(), testing::MatchesRegex(
                              "fit: trees . to . could not be grown on rank .: out of memory"));
  }
}

}  // namespace
}  // namespace canopy::train
