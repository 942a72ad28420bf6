#include <chrono>
#include <numeric>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "canopy/train/permute_over.hpp"

#include "train/judged_forest.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::JudgedForest;

/// A likelihood tells apart what an accuracy does not.
forest::Permutation const thrice{"neg_log_loss", 3, Key{5}};

forest::PermutationImportances permute(
    comm::Farm& farm, JudgedForest const& judged,
    std::function<bool()> const& interrupted = [] { return false; }) {
  return permute_over({farm, [](Bytes const& share) { return share; }, interrupted}, judged.forest,
                      judged.table, judged.rows, thrice);
}

void expect_those_of_one_rank(forest::PermutationImportances const& found,
                              JudgedForest const& judged) {
  auto const expected = forest::permutation_importances(judged.forest, judged.table, judged.rows,
                                                        thrice.scoring, thrice.repeats, thrice.key);
  EXPECT_EQ(found.baseline, expected.baseline);
  EXPECT_EQ(found.importances, expected.importances);
  EXPECT_EQ(found.mean, expected.mean);
  EXPECT_EQ(found.std, expected.std);
}

TEST(PermuteOver, GivesTheBitsOfOneRankWhoeverPermutesWhat) {
  auto const world = Communicator::world();
  JudgedForest const judged;
  std::minstd_rand delays{std::random_device{}()};
  comm::Farm farm{world, [&](Bytes const& share, StopToken const& stop) {
                    std::this_thread::sleep_for(std::chrono::milliseconds{delays() % 20});
                    return permute_forest(share, stop);
                  }};
  if (!world.is_root()) return farm.serve();
  expect_those_of_one_rank(permute(farm, judged), judged);
  for (auto const& use : farm.shut_down())
    EXPECT_EQ(use.tasks, world.size() > 1 ? 1 : 0) << "a share for each rank";
}

TEST(PermuteOver, TheCoordinatorDoesWhatAWorkerCannot) {
  auto const world = Communicator::world();
  JudgedForest const judged;
  comm::Farm farm{world, [&](Bytes const& share, StopToken const& stop) {
                    if (world.rank().value == 1) throw std::runtime_error{"out of memory"};
                    return permute_forest(share, stop);
                  }};
  if (!world.is_root()) return farm.serve();
  expect_those_of_one_rank(permute(farm, judged), judged);
  EXPECT_EQ(farm.shut_down()[0].tasks, world.size() > 1 ? 2 : 0);
}

TEST(PermuteOver, StopsWhenInterrupted) {
  auto const world = Communicator::world();
  JudgedForest const judged;
  comm::Farm farm{world, permute_forest};
  if (!world.is_root()) return farm.serve();
  int asked = 0;
  EXPECT_THROW(permute(farm, judged, [&] { return ++asked > 2; }), Stopped);
  EXPECT_EQ(farm.outstanding(), 0u);
}

}  // namespace
}  // namespace canopy::train
