#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "canopy/train/network/evaluation.hpp"

#include "train/network/small_problem.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using test::SmallProblem;

constexpr std::size_t classes = 10;

std::vector<float> weights_of(SmallProblem const& problem) {
  std::vector<float> arena(problem.network.arena_size());
  problem.network.initialise(Key{5}, std::span{arena});
  return arena;
}

/// Rows in pieces of 128: one piece, several, an incomplete one, fewer pieces than ranks, none.
TEST(Evaluator, SaysTheSameOnAnyNumberOfRanks) {
  auto const world = Communicator::world();
  auto const alone = world.split(world.rank().value);
  SmallProblem const problem{"mlp:20", 700};
  auto const arena = weights_of(problem);
  Evaluator together{world, problem.network, problem.feed};
  Evaluator here{alone, problem.network, problem.feed};
  for (std::size_t rows : {0u, 1u, 128u, 129u, 640u, 700u}) {
    auto const some = std::span{problem.rows_to_learn}.first(rows);
    auto const loss = together.loss(arena, some);
    auto const expected = here.loss(arena, some);
    EXPECT_EQ(loss.sum, expected.sum) << rows << " rows, to the last bit, on every rank";
    EXPECT_EQ(loss.correct, expected.correct);
    auto const probabilities = together.probabilities(arena, some);
    if (world.is_root())
      EXPECT_EQ(probabilities, here.probabilities(arena, some)) << rows;
    else
      EXPECT_TRUE(probabilities.empty());
  }
}

TEST(Evaluator, LossAndCorrectRowsFollowFromTheProbabilities) {
  auto const alone = Communicator::world().split(Communicator::world().rank().value);
  SmallProblem const problem{"mlp:20", 300};
  auto const arena = weights_of(problem);
  // Rows in another order than they have in the data.
  data::Rows rows{problem.rows_to_learn.rbegin(), problem.rows_to_learn.rend()};
  Evaluator evaluator{alone, problem.network, problem.feed};
  auto const loss = evaluator.loss(arena, rows);
  auto const probabilities = evaluator.probabilities(arena, rows);
  ASSERT_EQ(probabilities.size(), rows.size() * classes);
  std::vector<std::uint16_t> labels(rows.size());
  problem.feed.labels(rows, labels);
  double sum = 0;
  std::int64_t correct = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const of_row = std::span{probabilities}.subspan(i * classes, classes);
    sum -= std::log(static_cast<double>(of_row[labels[i]]));
    correct += std::ranges::max_element(of_row) - of_row.begin() == labels[i];
  }
  EXPECT_NEAR(loss.sum, sum, 1e-4 * sum);
  EXPECT_EQ(loss.correct, correct);
}

}  // namespace
}  // namespace canopy::train
