#include <cmath>

#include <gmock/gmock.h>

#include "canopy/tune/sampler.hpp"

namespace canopy::tune {
namespace {

/// Which of the samplers would propose the same.
std::string proposer(std::string const& space, int wanted, int index, int earlier_trials) {
  SamplerSettings const settings{Space::from_toml_text(space), Key{1}, wanted};
  std::vector<Observation> earlier;
  auto const random = samplers().make("random", {settings.space, Key{2}, wanted});
  for (int i = 0; i < earlier_trials; ++i)
    earlier.push_back({random->propose(i, {}).value(), std::sin(i)});
  auto const proposal = samplers().make("portfolio", settings)->propose(index, earlier);
  for (auto const* name : {"sobol", "tpe", "gp", "forest"})
    if (samplers().make(name, settings)->propose(index, earlier) == proposal) return name;
  return "nobody";
}

std::string const small =
    "x = { type = 'float', low = 0, high = 1 }\ny = { type = 'float', low = 0, high = 1 }\n";

TEST(Portfolio, BeginsWithSobolPoints) {
  for (int index = 0; index < 10; ++index) EXPECT_EQ(proposer(small, 100, index, index), "sobol");
}

TEST(Portfolio, LetsTpeAndGpTakeTurnsInASmallSpace) {
  std::vector<std::string> found;
  for (int index = 20; index < 30; ++index) found.push_back(proposer(small, 1000, index, 20));
  EXPECT_EQ(found, (std::vector<std::string>{"tpe", "gp", "tpe", "gp", "sobol", "tpe", "gp", "tpe",
                                             "gp", "sobol"}));
}

TEST(Portfolio, IsTheForestWhereThereIsMoreOrAreConditions) {
  EXPECT_EQ(proposer(small, 1001, 20, 20), "forest");
  EXPECT_EQ(proposer(small + "z = { type = 'int', low = 1, high = 99, if = 'x', is = ['0.5'] }",
                     100, 20, 20),
            "forest");
  auto many = small;
  for (int i = 0; i < 9; ++i)
    many += "p" + std::to_string(i) + " = { type = 'float', low = 0, high = 1 }\n";
  EXPECT_EQ(proposer(many, 100, 20, 20), "forest");
}

}  // namespace
}  // namespace canopy::tune
