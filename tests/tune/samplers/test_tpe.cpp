#include <cmath>

#include <gmock/gmock.h>

#include "samplers/tpe.hpp"

namespace canopy::tune {
namespace {

using ::testing::ElementsAre;

Observation at(int value, std::optional<double> score, bool failed = false, int resource = 0) {
  return {{{"n", std::to_string(value)}}, score, failed, resource};
}

struct TpeRules : ::testing::Test {
  Space space = Space::from_toml_text("n = { type = 'int', low = 0, high = 999 }");
  Encoding encoding{space};

  std::vector<int> values(std::vector<Point> const& points) const {
    std::vector<int> found;
    for (auto const& point : points) found.push_back(std::stoi(encoding.decode(point)[0].second));
    return found;
  }
  std::pair<std::vector<int>, std::vector<int>> halves(std::vector<Observation> const& earlier,
                                                       Pending pending = Pending::liar) const {
    auto const [good, rest] = split(History{encoding, earlier}, pending);
    return {values(good), values(rest)};
  }
};

TEST_F(TpeRules, TheBestTenthUpTo25IsGood) {
  for (auto const& [scored, good] : {std::pair{1, 1}, {10, 1}, {11, 2}, {200, 20}, {400, 25}}) {
    std::vector<Observation> earlier;
    for (int i = 0; i < scored; ++i) earlier.push_back(at(i, i));
    auto const [best, rest] = halves(earlier);
    EXPECT_EQ(std::ssize(best), good) << scored;
    EXPECT_EQ(best.front(), scored - good);
    EXPECT_EQ(std::ssize(best) + std::ssize(rest), scored);
  }
}

TEST_F(TpeRules, ThoseStoppedEarlyRankBehindCompleteOnesAndFartherOnesFirst) {
  std::vector<Observation> earlier;
  for (int i = 0; i < 18; ++i) earlier.push_back(at(100 + i, 0.1, false, 5));
  earlier.push_back(at(0, 0.9, false, 5));
  earlier.push_back(at(1, 0.2, false, 20));
  EXPECT_THAT(halves(earlier).first, ElementsAre(0, 1)) << "of 20 two, in order of trials";
  earlier.push_back(at(2, 0.0));
  EXPECT_THAT(halves(earlier).first, ElementsAre(0, 1, 2)) << "of 21 three";
  earlier[3] = at(103, 0.3, false, 30);
  EXPECT_THAT(halves(earlier).first, ElementsAre(103, 1, 2));
}

TEST_F(TpeRules, TiesGoToTheEarlierTrial) {
  std::vector<Observation> earlier;
  for (int i = 0; i < 15; ++i) earlier.push_back(at(14 - i, 0.5));
  EXPECT_THAT(halves(earlier).first, ElementsAre(14, 13));
}

TEST_F(TpeRules, FailedTrialsAreNeverGoodAndPendingOnesAreASwitch) {
  std::vector<Observation> const earlier{at(0, {}, true), at(1, {}), at(2, 0.5),
                                         at(3, std::nan(""))};
  EXPECT_EQ(halves(earlier), (std::pair{std::vector{2}, std::vector{0, 1, 3}}));
  EXPECT_EQ(halves(earlier, Pending::ignore), (std::pair{std::vector{2}, std::vector{0, 3}}));
  EXPECT_EQ(History(encoding, earlier).scored(), 1) << "what the startup counts";
}

TEST_F(TpeRules, TrialsOfWhichNothingIsInTheSpaceTeachNothing) {
  EXPECT_EQ(halves({at(1000, 0.9), at(5, 0.5)}), (std::pair{std::vector{5}, std::vector<int>{}}));
}

/// The good ones stand at 300..309 and everything else is spread evenly.
TEST_F(TpeRules, ProposesWhereGoodTrialsAreAndNotWherePendingOnesAre) {
  std::vector<Observation> earlier;
  for (int i = 0; i < 100; ++i)
    earlier.push_back(at(i < 10 ? 300 + i : (37 * i) % 1000, i < 10 ? 1.0 : 0.0));
  auto const reals = Space::from_toml_text("n = { type = 'float', low = 0, high = 999 }");
  auto const near = [&](Pending pending) {
    Tpe const tpe{{reals, Key{3}, 1000, pending}};
    int count = 0;
    for (int index = 100; index < 150; ++index) {
      auto const value = std::stod(tpe.propose(index, earlier)->at(0).second);
      count += 250 < value && value < 360;
    }
    return count;
  };
  EXPECT_GE(near(Pending::liar), 45);
  for (int i = 0; i < 100; ++i) earlier.push_back(at(255 + i, {}));
  EXPECT_GE(near(Pending::ignore), 45);
  EXPECT_LE(near(Pending::liar), 25);
}

}  // namespace
}  // namespace canopy::tune
