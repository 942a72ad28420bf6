#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <unistd.h>

#include "canopy/tune/sampler.hpp"

namespace canopy::tune {
namespace {

using ::testing::HasSubstr;

/// scipy.stats.qmc.Sobol(d=21, scramble=False).random(32) * 64 (SciPy 1.10), by dimension.
constexpr int scipy_points[sobol_dimensions][32] = {
    {0, 32, 48, 16, 24, 56, 40, 8,  12, 44, 60, 28, 20, 52, 36, 4,
     6, 38, 54, 22, 30, 62, 46, 14, 10, 42, 58, 26, 18, 50, 34, 2},
    {0,  32, 16, 48, 24, 56, 8,  40, 20, 52, 4,  36, 12, 44, 28, 60,
     30, 62, 14, 46, 6,  38, 22, 54, 10, 42, 26, 58, 18, 50, 2,  34},
    {0,  32, 16, 48, 40, 8,  56, 24, 60, 28, 44, 12, 20, 52, 4,  36,
     30, 62, 14, 46, 54, 22, 38, 6,  34, 2,  50, 18, 10, 42, 26, 58},
    {0,  32, 16, 48, 56, 24, 40, 8,  28, 60, 12, 44, 36, 4,  52, 20,
     42, 10, 58, 26, 18, 50, 2,  34, 54, 22, 38, 6,  14, 46, 30, 62},
    {0,  32, 48, 16, 24, 56, 40, 8,  36, 4,  20, 52, 60, 28, 12, 44,
     18, 50, 34, 2,  10, 42, 58, 26, 54, 22, 6,  38, 46, 14, 30, 62},
    {0,  32, 48, 16, 8,  40, 56, 24, 20, 52, 36, 4,  28, 60, 44, 12,
     62, 30, 14, 46, 54, 22, 6,  38, 42, 10, 26, 58, 34, 2,  18, 50},
    {0,  32, 16, 48, 24, 56, 8,  40, 28, 60, 12, 44, 4,  36, 20, 52,
     34, 2,  50, 18, 58, 26, 42, 10, 62, 30, 46, 14, 38, 6,  54, 22},
    {0,  32, 48, 16, 56, 24, 8,  40, 60, 28, 12, 44, 4,  36, 52, 20,
     54, 22, 6,  38, 14, 46, 62, 30, 10, 42, 58, 26, 50, 18, 2,  34},
    {0,  32, 48, 16, 56, 24, 8,  40, 60, 28, 12, 44, 4,  36, 52, 20,
     30, 62, 46, 14, 38, 6,  22, 54, 34, 2,  18, 50, 26, 58, 42, 10},
    {0,  32, 48, 16, 40, 8, 24, 56, 20, 52, 36, 4,  60, 28, 12, 44,
     10, 42, 58, 26, 34, 2, 18, 50, 30, 62, 46, 14, 54, 22, 6,  38},
    {0, 32, 48, 16, 56, 24, 8,  40, 44, 12, 28, 60, 20, 52, 36, 4,
     6, 38, 54, 22, 62, 30, 14, 46, 42, 10, 26, 58, 18, 50, 34, 2},
    {0,  32, 48, 16, 24, 56, 40, 8,  4,  36, 52, 20, 28, 60, 44, 12,
     26, 58, 42, 10, 2,  34, 50, 18, 30, 62, 46, 14, 6,  38, 54, 22},
    {0,  32, 16, 48, 24, 56, 8,  40, 60, 28, 44, 12, 36, 4,  52, 20,
     42, 10, 58, 26, 50, 18, 34, 2,  22, 54, 6,  38, 14, 46, 30, 62},
    {0,  32, 16, 48, 40, 8,  56, 24, 60, 28, 44, 12, 20, 52, 4,  36,
     42, 10, 58, 26, 2,  34, 18, 50, 22, 54, 6,  38, 62, 30, 46, 14},
    {0,  32, 48, 16, 24, 56, 40, 8,  52, 20, 4,  36, 44, 12, 28, 60,
     22, 54, 38, 6,  14, 46, 62, 30, 34, 2,  18, 50, 58, 26, 10, 42},
    {0, 32, 16, 48, 56, 24, 40, 8,  60, 28, 44, 12, 4, 36, 20, 52,
     2, 34, 18, 50, 58, 26, 42, 10, 62, 30, 46, 14, 6, 38, 22, 54},
    {0,  32, 48, 16, 24, 56, 40, 8,  52, 20, 4,  36, 44, 12, 28, 60,
     50, 18, 2,  34, 42, 10, 26, 58, 6,  38, 54, 22, 30, 62, 46, 14},
    {0,  32, 16, 48, 56, 24, 40, 8,  52, 20, 36, 4,  12, 44, 28, 60,
     38, 6,  54, 22, 30, 62, 14, 46, 18, 50, 2,  34, 42, 10, 58, 26},
    {0,  32, 48, 16, 56, 24, 8,  40, 60, 28, 12, 44, 4,  36, 52, 20,
     50, 18, 2,  34, 10, 42, 58, 26, 14, 46, 62, 30, 54, 22, 6,  38},
    {0, 32, 16, 48, 8,  40, 24, 56, 20, 52, 4, 36, 28, 60, 12, 44,
     2, 34, 18, 50, 10, 42, 26, 58, 22, 54, 6, 38, 30, 62, 14, 46},
    {0,  32, 16, 48, 8,  40, 24, 56, 12, 44, 28, 60, 4,  36, 20, 52,
     46, 14, 62, 30, 38, 6,  54, 22, 34, 2,  50, 18, 42, 10, 58, 26},
};

TEST(Sobol, UnscrambledPointsAreScipys) {
  for (int d = 0; d < sobol_dimensions; ++d)
    for (std::uint32_t i = 0; i < 32; ++i)
      EXPECT_EQ(sobol(i, d), static_cast<std::uint32_t>(scipy_points[d][i]) << 26)
          << "point " << i << " of dimension " << d;
}

TEST(Sobol, EveryDimensionIsAPermutationOfThePowersOfTwo) {
  for (int d = 0; d < sobol_dimensions; ++d) {
    std::set<std::uint32_t> cells;
    for (std::uint32_t i = 0; i < 1024; ++i) cells.insert(sobol(i, d) >> 22);
    EXPECT_EQ(cells.size(), 1024u) << d;
  }
}

SamplerSettings settings(std::string const& toml, int wanted, std::uint64_t seed = 1) {
  return {Space::from_toml_text(toml), Key{seed}, wanted};
}

TEST(Sobol, ScrambledPointsFillTheSquareEvenly) {
  auto const sampler =
      samplers().make("sobol", settings("x = { type = 'float', low = 0, high = 8 }\n"
                                        "y = { type = 'float', low = 0, high = 8 }",
                                        64));
  std::set<std::pair<int, int>> cells;
  for (int i = 0; i < 64; ++i) {
    auto const point = *sampler->propose(i, {});
    cells.emplace(static_cast<int>(*text::to_double(point[0].second)),
                  static_cast<int>(*text::to_double(point[1].second)));
  }
  EXPECT_EQ(cells.size(), 64u) << "64 points, one in each of 8 x 8 squares";
}

TEST(Sobol, SaysWhenThereAreTooManyDimensions) {
  std::string toml;
  for (int i = 0; i <= sobol_dimensions; ++i) toml += "x" + std::to_string(i) + " = [1, 2]\n";
  EXPECT_THROW(samplers().make("sobol", settings(toml, 1)), UserError);
}

TEST(Grid, IsTheWholeGridInOrderWhenThereIsRoom) {
  auto const wide = settings("a = [1, 2, 3]\nb = ['x', 'y']", 6);
  auto const sampler = samplers().make("grid", wide);
  auto const grid = wide.space.grid();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(sampler->propose(i, {}), grid[static_cast<std::size_t>(i)]);
  EXPECT_EQ(sampler->propose(6, {}), std::nullopt);
}

TEST(Grid, IsASampleWithoutRepeatsWhenThereIsNot) {
  auto const narrow = settings("a = { type = 'int', low = 0, high = 99, points = 100 }", 10);
  auto const sampler = samplers().make("grid", narrow);
  std::set<Configuration> seen;
  int upper_half = 0;
  for (int i = 0; i < 10; ++i) {
    seen.insert(*sampler->propose(i, {}));
    upper_half += *text::to_int(sampler->propose(i, {})->at(0).second) >= 50;
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_TRUE(1 <= upper_half && upper_half <= 9) << "not one corner only";
}

// ---- what every sampler promises

constexpr char contract_space[] = R"(
n = { type = "int", low = 1, high = 40, also = ["None"] }
rate = { type = "float", low = 1e-3, high = 1.0, log = true }
criterion = ["gini", "entropy"]
bootstrap = [true, false]
share = { type = "float", low = 0.5, high = 0.9, if = "bootstrap", is = [true] }
depth = 7
)";
constexpr int wanted = 100;  // fewer than the grid has

struct SamplerContract : ::testing::TestWithParam<std::string> {
  static std::vector<Configuration> draw(std::uint64_t seed) {
    auto const sampler = samplers().make(GetParam(), settings(contract_space, wanted, seed));
    std::vector<Configuration> drawn;
    for (int i = 0; i < wanted; ++i) drawn.push_back(sampler->propose(i, {}).value());
    return drawn;
  }
};

bool is_inside(Parameter const& parameter, std::string const& word) {
  if (std::ranges::find(parameter.values, word) != parameter.values.end()) return true;
  if (parameter.kind == Parameter::Kind::list) return false;
  auto const value = text::to_double(word);
  return value && parameter.low <= *value && *value <= parameter.high &&
         (parameter.kind == Parameter::Kind::real || text::to_int(word).has_value());
}

TEST_P(SamplerContract, IsDeterministic) {
  EXPECT_EQ(draw(1), draw(1));
}

TEST_P(SamplerContract, DependsOnTheIndexAndNotOnTheOrder) {
  auto const forwards = draw(1);
  auto const sampler = samplers().make(GetParam(), settings(contract_space, wanted));
  for (int i = wanted - 1; i >= 0; i -= 3)
    EXPECT_EQ(sampler->propose(i, {}), forwards[static_cast<std::size_t>(i)]) << i;
  EXPECT_EQ(sampler->propose(5, {}), forwards[5]);
}

TEST_P(SamplerContract, StaysInsideTheSpaceAndRespectsConditions) {
  auto const space = Space::from_toml_text(contract_space);
  for (auto const& configuration : draw(2)) {
    std::size_t active = 0;
    for (auto const& parameter : space.searched()) {
      auto const* value = find(configuration, parameter.name);
      ASSERT_EQ(value != nullptr, parameter.is_active(configuration)) << to_text(configuration);
      if (value == nullptr) continue;
      ++active;
      EXPECT_TRUE(is_inside(parameter, *value)) << to_text(configuration);
    }
    EXPECT_EQ(*find(configuration, "depth"), "7");
    EXPECT_EQ(configuration.size(), active + 1);
  }
}

TEST_P(SamplerContract, TriesBothSidesOfEveryCondition) {
  std::set<std::string> seen;
  for (auto const& configuration : draw(3)) seen.insert(*find(configuration, "bootstrap"));
  EXPECT_EQ(seen.size(), 2u);
}

TEST_P(SamplerContract, DiffersBySeed) {
  EXPECT_NE(draw(1), draw(2));
}

/// Earlier trials of every sort: n of them, the score of each as `score` has it.
std::vector<Observation> trials(int n, std::function<Observation(int)> const& score) {
  auto const random = samplers().make("random", settings(contract_space, wanted, 77));
  std::vector<Observation> earlier;
  for (int i = 0; i < n; ++i) {
    auto& trial = earlier.emplace_back(score(i));
    trial.configuration = random->propose(i, {}).value();
  }
  return earlier;
}

std::map<std::string, std::vector<Observation>> histories() {
  auto const scored = [](int i) { return Observation{{}, std::sin(i)}; };
  std::map<std::string, std::vector<Observation>> all{
      {"one", trials(1, scored)},
      {"some", trials(12, scored)},
      {"many", trials(150, scored)},
      {"ties", trials(60,
                      [](int i) {
                        return Observation{{}, i % 2 * 0.5};
                      })},
      {"constant", trials(30,
                          [](int) {
                            return Observation{{}, 0.7};
                          })},
      {"tiny", trials(30,
                      [](int i) {
                        return Observation{{}, 1e-300 * i};
                      })},
      {"huge", trials(30,
                      [](int i) {
                        return Observation{{}, i == 3 ? -1e300 : 1e300};
                      })},
      {"not numbers",
       trials(
           30,
           [](int i) {
             return Observation{{}, i % 3 == 0 ? std::nan("") : i % 3 == 1 ? -HUGE_VAL : 0.1 * i};
           })},
      {"pending", trials(30, [](int) { return Observation{}; })},
      {"failed", trials(30,
                        [](int) {
                          return Observation{{}, {}, true};
                        })},
      {"stopped early", trials(40,
                               [](int i) {
                                 return Observation{{}, 0.1 * i, false, 1 + i % 3};
                               })},
      {"of every sort", trials(60,
                               [&](int i) {
                                 if (i % 5 == 0) return Observation{};
                                 if (i % 5 == 1) return Observation{{}, {}, true};
                                 return Observation{{}, std::cos(i), false, i % 5 == 2 ? 4 : 0};
                               })},
  };
  auto& twice = all["twice"] = trials(15, scored);
  twice.insert(twice.end(), all["some"].begin(), all["some"].end());
  auto& outside = all["outside"] = trials(25, scored);
  outside[3].configuration = {{"n", "41"}, {"depth", "7"}};
  outside[4].configuration = {};
  for (auto& [name, value] : outside[5].configuration)
    if (name == "n" || name == "criterion") value = "what a default may be";
  outside[5].score = 9;  // the best: where searches begin
  return all;
}

TEST_P(SamplerContract, DependsOnWhatItIsShownAndOnNothingElse) {
  auto const sampler = samplers().make(GetParam(), settings(contract_space, wanted));
  for (auto const& [name, earlier] : histories()) {
    auto const once = sampler->propose(17, earlier);
    auto const fresh = samplers().make(GetParam(), settings(contract_space, wanted));
    EXPECT_EQ(fresh->propose(17, earlier), once) << name;
    EXPECT_EQ(sampler->propose(17, earlier), once) << name << ", asked again";
    EXPECT_TRUE(sampler->looks_back() || sampler->propose(17, {}) == once) << name;
  }
}

TEST_P(SamplerContract, StaysInsideTheSpaceWhateverItIsShown) {
  auto const sampler = samplers().make(GetParam(), settings(contract_space, wanted));
  auto const space = Space::from_toml_text(contract_space);
  for (auto const& [name, earlier] : histories())
    for (int index = 20; index < 26; ++index) {
      auto const configuration = sampler->propose(index, earlier).value();
      std::size_t active = 0;
      for (auto const& parameter : space.searched()) {
        auto const* value = find(configuration, parameter.name);
        ASSERT_EQ(value != nullptr, parameter.is_active(configuration)) << name;
        if (value == nullptr) continue;
        ++active;
        EXPECT_TRUE(is_inside(parameter, *value)) << name << ": " << to_text(configuration);
      }
      EXPECT_EQ(configuration.size(), active + 1);
      EXPECT_TRUE(std::ranges::none_of(
          earlier, [&](auto const& trial) { return trial.configuration == configuration; }))
          << name << ": again " << to_text(configuration);
    }
}

TEST_P(SamplerContract, TakesPendingTrialsByEveryWay) {
  auto const earlier = histories().at("of every sort");
  for (auto const pending : {Pending::liar, Pending::fantasies, Pending::ignore}) {
    auto asked = settings(contract_space, wanted);
    asked.pending = pending;
    auto const sampler = samplers().make(GetParam(), asked);
    auto const proposal = sampler->propose(30, earlier);
    EXPECT_TRUE(proposal && proposal == sampler->propose(30, earlier));
  }
}

/// One after the other, the last ones with results outstanding.
void tries_each_once(std::string const& name, std::string const& space, int count) {
  auto const sampler = samplers().make(name, settings(space, 30));
  if (!sampler->looks_back()) return;  // cannot know what it has tried
  std::vector<Observation> earlier;
  std::set<Configuration> seen;
  for (int i = 0; i < count; ++i) {
    auto configuration = sampler->propose(i, earlier).value();
    EXPECT_TRUE(seen.insert(configuration).second) << to_text(configuration);
    earlier.push_back({std::move(configuration), i < 15 ? std::optional{0.1 * i} : std::nullopt});
  }
  EXPECT_EQ(sampler->propose(count, earlier), std::nullopt);
}

TEST_P(SamplerContract, WhoLooksBackTriesEachOfFewConfigurationsOnce) {
  tries_each_once(GetParam(), "a = [1, 2, 3]\nn = { type = 'int', low = 1, high = 9 }", 27);
  tries_each_once(GetParam(),
                  "a = [1, 2, 3, 4]\n"
                  "n = { type = 'int', low = 1, high = 9, if = 'a', is = [2, 4] }",
                  2 + 2 * 9);
}

INSTANTIATE_TEST_SUITE_P(All, SamplerContract, ::testing::ValuesIn(samplers().names()),
                         [](auto const& each) { return each.param; });

TEST(Samplers, AreTheOnesThatHelpNames) {
  EXPECT_EQ(samplers().names(), (std::vector<std::string>{"random", "grid", "sobol", "tpe", "gp",
                                                          "forest", "portfolio"}));
}

// ---- given points

/// A points file for as long as a test needs it.
struct PointsFile {
  explicit PointsFile(std::string const& text)
      : path{std::filesystem::temp_directory_path() /
             ("canopy-points-" + std::to_string(getpid()) + ".csv")} {
    std::ofstream{path} << text;
  }
  PointsFile(PointsFile const&) = delete;
  PointsFile& operator=(PointsFile const&) = delete;
  ~PointsFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

std::vector<Configuration> points(std::string const& text, std::string const& space) {
  PointsFile const file{text};
  return read_points(file.path.string(), Space::from_toml_text(space));
}

TEST(Points, AreReadWithEmptyCellsLeftOut) {
  EXPECT_EQ(points("a, b-c\r\n1,sqrt\r\n\r\n,2\n", "depth = 7"),
            (std::vector<Configuration>{{{"depth", "7"}, {"a", "1"}, {"b_c", "sqrt"}},
                                        {{"depth", "7"}, {"b_c", "2"}}}));
}

TEST(Points, WinOverWhatTheSpaceFixes) {
  EXPECT_EQ(points("depth\n9\n", "depth = 7"), (std::vector<Configuration>{{{"depth", "9"}}}));
}

TEST(Points, ErrorsNameTheFileAndTheLine) {
  EXPECT_THROW(read_points("nowhere.csv", Space{}), UserError);
  EXPECT_THROW(points("", "depth = 7"), DataError);
  try {
    points("a,b\n1,2\n3\n", "depth = 7");
    FAIL() << "read a short line";
  } catch (DataError const& e) {
    EXPECT_THAT(e.what(), HasSubstr("line 3: has 1 values, expected 2"));
  }
}

}  // namespace
}  // namespace canopy::tune
