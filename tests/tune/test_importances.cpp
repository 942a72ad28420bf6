#include <cmath>
#include <map>

#include <gmock/gmock.h>

#include "canopy/tune/importances.hpp"

namespace canopy::tune {
namespace {

using Shares = std::map<std::string, double>;

Shares shares(std::string const& toml, int trials, double (*score)(Configuration const&)) {
  auto const space = Space::from_toml_text(toml);
  auto const sobol = samplers().make("sobol", {space, Key{3}, trials});
  std::vector<Observation> seen;
  for (int i = 0; i < trials; ++i) {
    auto const configuration = sobol->propose(i, {}).value();
    seen.push_back({configuration, score(configuration)});
  }
  Shares found;
  for (auto const& each : importances(space, seen, Key{5}))
    found[each.parameter + (each.with.empty() ? "" : "*" + each.with)] = each.share;
  return found;
}

double number(Configuration const& c, char const* name) {
  return *text::to_double(*find(c, name));
}

constexpr char square[] =
    "x = { type = 'float', low = 0, high = 1 }\n"
    "y = { type = 'float', low = 0, high = 1 }\n"
    "z = { type = 'float', low = 0, high = 1 }\n";

TEST(Importances, OfASumAreTheVariancesOfItsTerms) {
  auto const found = shares(square, 500, [](Configuration const& c) {
    return 4 * number(c, "x") + 2 * number(c, "y") + number(c, "z");
  });
  EXPECT_NEAR(found.at("x"), 16.0 / 21, 0.04);
  EXPECT_NEAR(found.at("y"), 4.0 / 21, 0.04);
  EXPECT_NEAR(found.at("z"), 1.0 / 21, 0.04);
  for (auto const* pair : {"x*y", "x*z", "y*z"}) EXPECT_NEAR(found.at(pair), 0, 0.03) << pair;
}

/// With both factors around 0 neither does anything alone.
TEST(Importances, OfAProductAreTogether) {
  auto const found = shares(square, 500, [](Configuration const& c) {
    return (number(c, "x") - 0.5) * (number(c, "z") - 0.5);
  });
  EXPECT_GT(found.at("x*z"), 0.75);
  for (auto const* other : {"x", "y", "z", "x*y", "y*z"})
    EXPECT_NEAR(found.at(other), 0, 0.08) << other;
}

/// Words and integers have the volume that a search draws them with, wherever a tree cuts.
TEST(Importances, OfChoicesAreExact) {
  auto const words = shares(
      "c = ['x', 'y', 'z']\nd = ['u', 'v']\ne = [true, false]", 40, [](Configuration const& c) {
        return (*find(c, "c") == "x" ? 3.0 : 0.0) + (*find(c, "d") == "u" ? 2.0 : 0.0);
      });
  EXPECT_NEAR(words.at("c"), 2.0 / 3, 1e-9);  // 9 x 2/9 = 2 and 4 x 1/4 = 1
  EXPECT_NEAR(words.at("d"), 1.0 / 3, 1e-9);
  EXPECT_NEAR(words.at("e"), 0, 1e-9);
  EXPECT_NEAR(words.at("c*d"), 0, 1e-9);

  auto const mixed = shares(
      "n = { type = 'int', low = 1, high = 4 }\n"
      "m = { type = 'int', low = 1, high = 3, also = ['None'] }",
      200,
      [](Configuration const& c) { return number(c, "n") + (*find(c, "m") == "None" ? 1 : 0); });
  EXPECT_NEAR(mixed.at("n"), 5.0 / 6, 1e-9);  // 15 / 12 and, None being half of all, 1 / 4
  EXPECT_NEAR(mixed.at("m"), 1.0 / 6, 1e-9);
}

TEST(Importances, OfTwoParametersAreAllThereIs) {
  auto const found = shares(
      "x = { type = 'float', low = 1e-3, high = 1, log = true }\n"
      "n = { type = 'int', low = 1, high = 50, also = 'None' }",
      150, [](Configuration const& c) {
        return std::sin(9 * number(c, "x")) * (*find(c, "n") == "None" ? 0.5 : number(c, "n") / 50);
      });
  EXPECT_NEAR(found.at("x") + found.at("n") + found.at("x*n"), 1, 1e-9);
  EXPECT_GT(found.at("x*n"), 0.05);
}

TEST(Importances, OfAConditionAndWhatItSwitchesOn) {
  auto const found = shares(
      "b = [true, false]\nx = { type = 'float', low = 0, high = 1, if = 'b', is = true }\n"
      "y = { type = 'float', low = 0, high = 1 }",
      300,
      [](Configuration const& c) { return *find(c, "b") == "true" ? 2 * number(c, "x") - 1 : 0; });
  EXPECT_GT(found.at("x") + found.at("b*x"), 0.9);
  EXPECT_LT(found.at("y"), 0.02);
}

TEST(Importances, ComeAloneInTheOrderOfTheSpaceAndThenInPairsFromTheHighest) {
  auto const space = Space::from_toml_text(square);
  auto const sobol = samplers().make("sobol", {space, Key{3}, 100});
  std::vector<Observation> seen;
  for (int i = 0; i < 100; ++i) {
    auto const c = sobol->propose(i, {}).value();
    seen.push_back({c, number(c, "x") * number(c, "z")});
    seen.push_back({sobol->propose(100 + i, {}).value(), {}});  // pending: not there
  }
  auto const found = importances(space, seen, Key{5});
  ASSERT_EQ(found.size(), 6u);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(found[i].parameter + found[i].with, std::string(1, "xyz"[i]));
  EXPECT_EQ(found[3].parameter + found[3].with, "xz");
  EXPECT_GE(found[4].share, found[5].share);
  for (auto const& each : found) EXPECT_TRUE(0 <= each.deviation && each.deviation < 0.3);
  EXPECT_EQ(importances(space, seen, Key{5})[3].share, found[3].share) << "the same again";
}

TEST(Importances, AreATable) {
  auto const table = importances_table({{"x", "", 0.5, 0.1}, {"x", "y", 0.25, 0}});
  EXPECT_EQ(table.name(), "importances");
  EXPECT_EQ(table.column_names(), (std::vector<std::string>{"parameter", "with", "share", "std"}));
  EXPECT_EQ(table.text(1, "with"), "y");
  EXPECT_EQ(table.number(0, "share"), 0.5);
  EXPECT_EQ(table.number(0, "std"), 0.1);
}

TEST(Importances, OfNothingAreNone) {
  auto const space = Space::from_toml_text(square);
  for (auto const& each : importances(space, {}, Key{1})) EXPECT_EQ(each.share, 0);
  auto const constant = shares(square, 30, [](Configuration const&) { return 0.5; });
  for (auto const& [name, share] : constant) EXPECT_EQ(share, 0) << name;
  EXPECT_TRUE(importances(Space::from_toml_text("depth = 7"), {}, Key{1}).empty());
}

}  // namespace
}  // namespace canopy::tune
