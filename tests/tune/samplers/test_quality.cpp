#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "canopy/tune/sampler.hpp"

namespace canopy::tune {
namespace {

double number(Configuration const& configuration, char const* name) {
  return *text::to_double(*find(configuration, name));
}

/// Something to search, and the score at which it counts as found.
struct Problem {
  char const* name;
  char const* space;
  double (*score)(Configuration const&);
  double target;
};

/// A bowl over ranges of three kinds with a step down for each wrong choice.
double bowl(Configuration const& c) {
  auto const x = number(c, "x") - 0.3;
  auto const rate = (std::log10(number(c, "rate")) + 1.5) / 4;
  auto const n = (number(c, "n") - 35) / 50;
  auto const kind = *find(c, "kind") == "b" ? 0 : *find(c, "kind") == "c" ? 0.05 : 0.2;
  return -(x * x + rate * rate + n * n + kind);
}

/// Two models with settings of their own; the better one rewards a deep valley in both, and a depth
/// of None is good but not best.
double two_models(Configuration const& c) {
  if (*find(c, "model") == "linear") return -0.3 - 0.2 * std::abs(std::log10(number(c, "alpha")));
  auto const* depth = find(c, "depth");
  auto const d = *depth == "None" ? 0.35 : (number(c, "depth") - 22) / 38;
  auto const share = number(c, "share") - 0.7;
  auto const rate = number(c, "rate") - 0.2;
  return -(std::abs(d) + 0.5 * std::abs(share) + std::abs(rate - 0.5 * d));
}

constexpr Problem problems[] = {
    {"bowl",
     "x = { type = 'float', low = 0, high = 1 }\n"
     "rate = { type = 'float', low = 1e-4, high = 1.0, log = true }\n"
     "n = { type = 'int', low = 1, high = 50 }\n"
     "kind = ['a', 'b', 'c']",
     bowl, -0.015},
    {"two_models",
     "model = ['linear', 'forest']\n"
     "alpha = { type = 'float', low = 1e-3, high = 1e3, log = true, if = 'model', is = 'linear' }\n"
     "depth = { type = 'int', low = 2, high = 40, also = 'None', if = 'model', is = 'forest' }\n"
     "share = { type = 'float', low = 0.3, high = 1.0, if = 'model', is = 'forest' }\n"
     "rate = { type = 'float', low = 0.0, high = 1.0, if = 'model', is = 'forest' }",
     two_models, -0.13},
};

constexpr int seeds = 10;
constexpr int most = 400;

/// Trials until the target, at most `most`.
int trials_needed(Problem const& problem, std::string const& search, std::uint64_t seed) {
  auto const sampler =
      samplers().make(search, {Space::from_toml_text(problem.space), Key{seed}, most});
  std::vector<Observation> earlier;
  for (int i = 0; i < most; ++i) {
    auto configuration = sampler->propose(i, earlier).value();
    auto const score = problem.score(configuration);
    if (score >= problem.target) return i + 1;
    earlier.push_back({std::move(configuration), score});
  }
  return most;
}

double median(Problem const& problem, std::string const& search) {
  std::vector<int> needed;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    needed.push_back(trials_needed(problem, search, seed));
  std::ranges::sort(needed);
  return (needed[seeds / 2 - 1] + needed[seeds / 2]) / 2.0;
}

struct Quality : ::testing::TestWithParam<std::tuple<std::string, Problem>> {};

/// Which is what an adaptive search is for.
TEST_P(Quality, NeedsHalfOfTheTrialsOfRandomSearch) {
  auto const& [search, problem] = GetParam();
  auto const random = median(problem, "random");
  auto const adaptive = median(problem, search);
  RecordProperty("random", std::to_string(random));
  RecordProperty("adaptive", std::to_string(adaptive));
  EXPECT_LT(random, most) << "or the target is out of reach";
  EXPECT_LE(2 * adaptive, random);
}

std::vector<std::string> adaptive() {
  std::vector<std::string> names;
  for (auto const& name : samplers().names())
    if (samplers().make(name, {Space::from_toml_text("x = [1, 2]"), Key{1}, 1})->looks_back())
      names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, Quality,
                         ::testing::Combine(::testing::ValuesIn(adaptive()),
                                            ::testing::ValuesIn(problems)),
                         [](auto const& each) {
                           return std::get<0>(each.param) + "_" + std::get<1>(each.param).name;
                         });

}  // namespace
}  // namespace canopy::tune
