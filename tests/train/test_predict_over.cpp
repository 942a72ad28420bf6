#include <chrono>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/train/network/evaluation.hpp"
#include "canopy/train/predict_over.hpp"

#include "train/judged_forest.hpp"
#include "train/network/small_problem.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::JudgedForest;

// ---- the shares

TEST(SharesOf, HoldEveryRowOnceAndInOrder) {
  for (std::size_t const rows : {0, 1, 127, 128, 129, 1000, 100'000})
    for (int const ranks : {1, 2, 3, 64})
      for (std::size_t const least : {0, 1, 100, 5000})
        for (std::size_t const grain : {1, 128}) {
          auto const shares = shares_of(rows, ranks, least, grain);
          ASSERT_FALSE(shares.empty());
          EXPECT_LE(shares.size(), static_cast<std::size_t>(ranks));
          std::size_t next = 0;
          for (auto const& [first, last] : shares) {
            EXPECT_EQ(first, next);
            EXPECT_EQ(first % grain, 0u);
            EXPECT_TRUE(first < last || shares.size() == 1) << "an empty share";
            next = last;
          }
          EXPECT_EQ(next, rows) << ranks << " ranks, at least " << least << ", by " << grain;
        }
}

TEST(SharesOf, AreOneForEachRankUnlessTheyWouldBeSmall) {
  EXPECT_EQ(shares_of(1000, 4, 250, 1).size(), 4u);
  EXPECT_EQ(shares_of(1000, 4, 251, 1).size(), 3u);
  EXPECT_EQ(shares_of(1000, 4, 501, 1).size(), 1u);
  EXPECT_EQ(shares_of(1000, 3, 1, 1), (std::vector<RowBlock>{{0, 333}, {333, 666}, {666, 1000}}));
}

// ---- forests

TEST(PredictOver, GivesTheBitsOfOneRankWhoeverPredictsWhat) {
  auto const world = Communicator::world();
  JudgedForest const judged;
  for (int round = 0; round < 4; ++round) {
    std::minstd_rand delays{std::random_device{}()};
    comm::Farm farm{world, [&](Bytes const& share, StopToken const& stop) {
                      std::this_thread::sleep_for(std::chrono::milliseconds{delays() % 20});
                      return predict_forest(share, stop);
                    }};
    if (!world.is_root()) {
      farm.serve();
      continue;
    }
    EXPECT_EQ(judged.predict(farm), judged.expected());
    EXPECT_EQ(judged.predict(farm, 100), judged.expected()) << "and again";
    for (auto const& use : farm.shut_down())
      EXPECT_EQ(use.tasks, world.size() > 1 ? 2 : 0) << "a share for each rank";
  }
}

TEST(PredictOver, FewRowsStayWhereTheTreesAre) {
  auto const world = Communicator::world();
  JudgedForest judged;
  judged.rows.resize(2 * least_rows_of_share(judged.forest) - 1);
  comm::Farm farm{world, predict_forest};
  if (!world.is_root()) return farm.serve();
  EXPECT_EQ(judged.predict(farm), judged.expected());
  for (auto const& use : farm.shut_down()) EXPECT_EQ(use.tasks, 0);
}

TEST(PredictOver, TheCoordinatorDoesWhatAWorkerCannot) {
  auto const world = Communicator::world();
  JudgedForest const judged;
  comm::Farm farm{world, [&](Bytes const& share, StopToken const& stop) {
                    if (world.rank().value == 1) throw std::runtime_error{"out of memory"};
                    return predict_forest(share, stop);
                  }};
  if (!world.is_root()) return farm.serve();
  EXPECT_EQ(judged.predict(farm), judged.expected());
  auto const uses = farm.shut_down();
  EXPECT_EQ(uses[0].tasks, world.size() > 1 ? 2 : 0);
}

TEST(PredictOver, StopsWhenInterrupted) {
  auto const world = Communicator::world();
  JudgedForest const judged;
  comm::Farm farm{world, [&](Bytes const& share, StopToken const& stop) {
                    for (int i = 0; i < 200; ++i) {
                      throw_if_stopped(stop);
                      std::this_thread::sleep_for(std::chrono::milliseconds{5});
                    }
                    return predict_forest(share, stop);
                  }};
  if (!world.is_root()) return farm.serve();
  auto const same = [](Bytes const& share) { return share; };
  int asked = 0;
  EXPECT_THROW(predict_over({farm, same, [&] { return ++asked > world.size() / 2; }}, judged.forest,
                            judged.table, judged.rows),
               Stopped);
  EXPECT_EQ(farm.outstanding(), 0u);
}

// ---- networks

TEST(PredictOver, NetworksGiveTheBitsOfOneRank) {
  auto const world = Communicator::world();
  auto const alone = world.split(world.rank().value);
  test::SmallProblem const problem{"mlp:20", 4300};
  std::vector<float> arena(problem.network.arena_size());
  problem.network.initialise(Key{5}, std::span{arena});
  auto const shape = nn::Shape{1, 28, 28};
  nn::Model const model{problem.network.architecture(), arena,
                        standardisation_of(problem.samples, problem.rows_to_learn, shape),
                        std::vector<std::string>(10, "c"), std::vector<std::string>(784, "f")};
  data::Rows const rows{problem.rows_to_learn.rbegin(), problem.rows_to_learn.rend()};
  comm::Farm farm{world, [&](Bytes const& share, StopToken const& stop) {
                    return predict_network(share, alone, problem.samples, stop);
                  }};
  if (!world.is_root()) return farm.serve();
  auto const same = [](Bytes const& share) { return share; };
  auto const came =
      predict_over({farm, same, [] { return false; }}, alone, model, problem.samples, rows);
  Evaluator evaluator{alone, problem.network, problem.feed};
  EXPECT_EQ(came, as_table(evaluator.probabilities(arena, rows), 10));
  for (auto const& use : farm.shut_down())
    EXPECT_EQ(use.tasks, world.size() > 1 ? 1 : 0) << "a share for each rank";
}

}  // namespace
}  // namespace canopy::train
