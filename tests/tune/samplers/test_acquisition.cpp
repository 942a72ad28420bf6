#include <cmath>
#include <set>

#include <gmock/gmock.h>

#include "samplers/acquisition.hpp"

namespace canopy::tune {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

/// python3 tests/tune/samplers/optuna_gp.py (mpmath with 60 digits)
TEST(Improvement, IsRightFarIntoTheTail) {
  for (auto const& [z, expected] : {std::pair{3.0, 1.098739665327708},
                                    {0.5, -0.3598276837450638},
                                    {0.0, -0.9189385332046727},
                                    {-1.0, -2.485121025712641},
                                    {-5.0, -16.74430116266099},
                                    {-24.9, -317.3584857426673},
                                    {-25.1, -322.3744098724641},
                                    {-40.0, -808.29856835662},
                                    {-1e6, -500000000028.55}})
    EXPECT_NEAR(log_standard_improvement(z), expected, 1e-13 * std::abs(expected) + 1e-11) << z;
}

TEST(Improvement, OfACertainValueIsWhatItIsBetter) {
  EXPECT_NEAR(log_expected_improvement(3, 0, 1), std::log(2), 1e-9);
  EXPECT_NEAR(log_expected_improvement(0.2, 4, 1), log_standard_improvement(-0.4) + std::log(2),
              1e-9);
}

// ---- where an acquisition is highest

struct Search : ::testing::Test {
  Encoding encoding{Space::from_toml_text(
      "x = { type = 'float', low = 0, high = 1 }\n"
      "kind = ['a', 'b', 'c']\n"
      "n = { type = 'int', low = 1, high = 2000, also = 'None', if = 'kind', is = 'b' }")};

  /// Highest at x = 1/3, kind b, n = 1234.
  static std::vector<double> worth(std::span<Point const> points) {
    std::vector<double> values;
    for (auto const& p : points) {
      auto const n = std::isnan(p[3]) ? 0.5 : std::abs(p[3] - 1233.5 / 2000);
      values.push_back(-std::abs(p[0] - 1.0 / 3) - (p[1] == 1 ? n : 2));
    }
    return values;
  }
};

TEST_F(Search, FindsTheBestPointOfASpaceWithConditions) {
  auto const found = maximise(encoding, History{encoding, {}}, {}, worth, Key{1}).value();
  auto const configuration = encoding.decode(found);
  EXPECT_NEAR(std::stod(*find(configuration, "x")), 1.0 / 3, 0.01);
  EXPECT_EQ(*find(configuration, "kind"), "b");
  EXPECT_NEAR(std::stod(*find(configuration, "n")), 1234, 20);
}

TEST_F(Search, BeginsAtTaughtPointsToo) {
  auto const best = encoding.encode({{"x", "0.3333"}, {"kind", "b"}, {"n", "1231"}}).value();
  Observation const known{{{"x", "0.3333"}, {"kind", "b"}, {"n", "1231"}}, 1.0};
  auto const found =
      maximise(encoding, History{encoding, {&known, 1}}, {{best}, {1.0}, {}}, worth, Key{1})
          .value();
  auto const configuration = encoding.decode(found);
  EXPECT_NEAR(std::stod(*find(configuration, "n")), 1234, 2);
}

TEST_F(Search, LeavesOutWhatWasTried) {
  Encoding const small{Space::from_toml_text("n = [1, 2, 3]")};
  auto const worth_of_choice = [](std::span<Point const> points) {
    std::vector<double> values;
    for (auto const& p : points) values.push_back(p[0]);
    return values;
  };
  std::vector<Observation> earlier;
  for (auto const* next : {"3", "2", "1"}) {
    auto const found =
        maximise(small, History{small, earlier}, {}, worth_of_choice, Key{1}).value();
    EXPECT_EQ(*find(small.decode(found), "n"), next);
    earlier.push_back({{{"n", next}}, {}});
  }
  EXPECT_FALSE(maximise(small, History{small, earlier}, {}, worth_of_choice, Key{1}));
}

// ---- what a model is taught

struct Lessons : ::testing::Test {
  Encoding encoding{Space::from_toml_text("n = { type = 'int', low = 0, high = 999 }")};
  int next = 0;

  Observation trial(std::optional<double> score, int resource = 0, bool failed = false) {
    return {{{"n", std::to_string(next++)}}, score, failed, resource};
  }
  std::vector<int> values(std::vector<Point> const& points) const {
    std::vector<int> found;
    for (auto const& point : points) found.push_back(std::stoi(encoding.decode(point)[0].second));
    return found;
  }
};

TEST_F(Lessons, TakeTheHighestResourceOfWhichThereIsEnough) {
  std::vector<Observation> earlier{trial(0.1, 5),  trial(0.2, 5), trial(0.3, 20), trial(0.9),
                                   trial(0.5, 20), trial(0.4, 5), trial(0.8)};
  History const history{encoding, earlier};
  EXPECT_THAT(values(lesson(history, 2).points), ElementsAre(3, 6));
  EXPECT_THAT(values(lesson(history, 3).points), ElementsAre(2, 3, 4, 6));
  EXPECT_THAT(values(lesson(history, 5).points), ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_THAT(values(lesson(history, 50).points), ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST_F(Lessons, AreStandardised) {
  auto const taught = lesson(History{encoding, std::vector{trial(1), trial(3)}}, 1);
  EXPECT_THAT(taught.scores, ElementsAre(DoubleNear(-1, 1e-15), DoubleNear(1, 1e-15)));
  EXPECT_EQ(taught.best(), taught.scores[1]);
  auto const same = lesson(History{encoding, std::vector{trial(0.1), trial(0.1), trial(0.1)}}, 1);
  EXPECT_THAT(same.scores, ElementsAre(0, 0, 0));
}

TEST_F(Lessons, TeachAFailureAsTheWorstAndPendingTrialsApart) {
  std::vector<Observation> earlier{trial(3), trial({}, 0, true), trial({}), trial(1), trial(-7, 5)};
  auto const taught = lesson(History{encoding, earlier}, 2);
  EXPECT_THAT(values(taught.points), ElementsAre(0, 1, 3));
  EXPECT_EQ(taught.scores[1], taught.scores[2]) << "the worst of those that are compared";
  EXPECT_GT(taught.scores[0], taught.scores[1]);
  EXPECT_THAT(values(taught.pending), ElementsAre(2));
}

TEST_F(Lessons, OfManyExamplesKeepTheBestAndSomeOfTheRest) {
  std::vector<Observation> earlier;
  for (int i = 0; i < 100; ++i) earlier.push_back(trial(i % 10 == 0 ? 1000 + i : i));
  auto const all = lesson(History{encoding, earlier}, 1);
  auto const few = representative(all, 20);
  auto const kept = values(few.points);
  EXPECT_EQ(kept.size(), 20u);
  EXPECT_TRUE(std::ranges::is_sorted(kept));
  EXPECT_EQ(std::set<int>(kept.begin(), kept.end()).size(), 20u);
  EXPECT_EQ(std::ranges::count_if(kept, [](int n) { return n % 10 == 0; }), 10);
  EXPECT_GE(std::ranges::count_if(kept, [](int n) { return n % 10 != 0 && n < 50; }), 4);
  for (std::size_t i = 0; i < kept.size(); ++i)
    EXPECT_EQ(few.scores[i], all.scores[static_cast<std::size_t>(kept[i])]);
  EXPECT_EQ(representative(all, 100).points.size(), 100u);
}

}  // namespace
}  // namespace canopy::tune
