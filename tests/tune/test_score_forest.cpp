#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "score_forest.hpp"

namespace canopy::tune {
namespace {

struct Sample {
  std::vector<std::vector<double>> places;
  std::vector<double> scores;
};

Sample sample(int n, double (*f)(double, double)) {
  Sample result;
  Stream stream{Key{4}};
  for (int i = 0; i < n; ++i) {
    result.places.push_back({stream.uniform(), stream.uniform()});
    result.scores.push_back(f(result.places.back()[0], result.places.back()[1]));
  }
  return result;
}

double slope(double x, double y) {
  return x * 2 - y;
}

TEST(ScoreForest, LeavesHoldMeanAndVarianceOfTheirScores) {
  auto const [places, scores] = sample(60, slope);
  ScoreForest const forest{places, scores, 3, Key{1}};
  ASSERT_EQ(forest.trees().size(), 3u);
  for (auto const& tree : forest.trees())
    for (std::size_t leaf = 0; leaf < tree.nodes.size(); ++leaf) {
      std::vector<double> inside;
      for (std::size_t i = 0; i < places.size(); ++i)
        if (tree.leaf(places[i]) == leaf) inside.push_back(scores[i]);
      if (!tree.nodes[leaf].is_leaf()) continue;
      ASSERT_FALSE(inside.empty());
      double mean = 0;
      for (double const s : inside) mean += s / static_cast<double>(inside.size());
      double variance = 0;
      for (double const s : inside) variance += (s - mean) * (s - mean);
      EXPECT_NEAR(tree.mean[leaf], mean, 1e-12);
      EXPECT_NEAR(tree.variance[leaf], variance / static_cast<double>(inside.size()), 1e-12);
    }
}

TEST(ScoreForest, ExpectsWhatItHasSeenAndIsUnsureBetween) {
  auto const [places, scores] = sample(300, slope);
  ScoreForest const forest{places, scores, 30, Key{1}};
  double error = 0;
  auto const [fresh, truth] = sample(330, slope);
  for (std::size_t i = 300; i < 330; ++i)
    error += std::abs(forest.at(fresh[i]).mean - truth[i]) / 30;
  EXPECT_LT(error, 0.1) << "scores go from -1 to 2";

  Sample const two{{{0.1, 0.5}, {0.9, 0.5}}, {0, 1}};
  ScoreForest const step{two.places, two.scores, 200, Key{1}};
  EXPECT_EQ(step.at(two.places[0]).mean, 0);
  EXPECT_EQ(step.at(two.places[0]).variance, 0);
  EXPECT_NEAR(step.at(std::vector{0.5, 0.5}).mean, 0.5, 0.15);
  EXPECT_NEAR(step.at(std::vector{0.5, 0.5}).variance, 0.25, 0.03);
}

TEST(ScoreForest, TellsTheBestScoresApart) {
  auto const [places, scores] = sample(1000, slope);
  ScoreForest const forest{places, scores, 20, Key{1}};
  auto const best = static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin());
  EXPECT_NEAR(forest.at(places[best]).mean, scores[best], 1e-12) << "alone in its leaves";
}

TEST(ScoreForest, OfEqualScoresIsCertain) {
  auto [places, scores] = sample(20, slope);
  std::ranges::fill(scores, 0.5);
  ScoreForest const forest{places, scores, 5, Key{1}};
  EXPECT_EQ(forest.at(std::vector{0.3, 0.3}).mean, 0.5);
  EXPECT_EQ(forest.at(std::vector{0.3, 0.3}).variance, 0);
}

}  // namespace
}  // namespace canopy::tune
