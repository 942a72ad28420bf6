#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>

#include "canopy/core/toml.hpp"
#include "canopy/tune/space.hpp"

#include "support/complaint.hpp"

namespace canopy::tune {
namespace {

using ::testing::HasSubstr;
using Words = std::vector<std::string>;

constexpr char every_form[] = R"(
n_estimators = { type = "int", low = 50, high = 300 }
max_depth = { type = "int", low = 10, high = 40, also = ["None"] }
alpha = { type = "float", low = 1e-4, high = 1.0, log = true, points = 7 }
max_features = ["sqrt", "log2", 0.2, 1.0, 3]
bootstrap = [true, false]
max_samples = { type = "float", low = 0.5, high = 1.0, if = "bootstrap", is = [true] }
shade = { type = "categorical", values = ["light", "dark"], if = "max_features", is = [3, "sqrt"] }
oob_score = true
criterion = "gini"
)";

std::string message(std::string const& toml) {
  return test::complaint([&] { Space::from_toml_text(toml); });
}

Parameter one(std::string const& toml) {
  return Space::from_toml_text("x = " + toml).searched().at(0);
}

TEST(Space, ReadsEveryFormInTheOrderWritten) {
  auto const space = Space::from_toml_text(every_form);
  EXPECT_EQ(space.names(), (Words{"n_estimators", "max_depth", "alpha", "max_features", "bootstrap",
                                  "max_samples", "shade", "oob_score", "criterion"}));
  EXPECT_EQ(space.fixed(), (Configuration{{"oob_score", "true"}, {"criterion", "gini"}}));
  auto const& searched = space.searched();
  EXPECT_EQ(searched[0].kind, Parameter::Kind::integer);
  EXPECT_EQ(searched[0].low, 50);
  EXPECT_EQ(searched[0].high, 300);
  EXPECT_EQ(searched[1].values, Words{"None"});
  EXPECT_EQ(searched[2].kind, Parameter::Kind::real);
  EXPECT_TRUE(searched[2].log);
  EXPECT_EQ(searched[2].points, 7);
  EXPECT_EQ(searched[3].values, (Words{"sqrt", "log2", "0.2", "1.0", "3"}));
  EXPECT_EQ(searched[5].condition->parameter, "bootstrap");
  EXPECT_EQ(searched[5].condition->values, Words{"true"});
  EXPECT_EQ(searched[6].condition->values, (Words{"3", "sqrt"}));
}

TEST(Space, ErrorsSayTheLine) {
  std::map<std::string, std::string> const wrong{
      {"x = { type = 'number', low = 1, high = 2 }", "type is 'number', expected int"},
      {"x = { type = 'int', low = 1 }", "high = NUMBER is missing"},
      {"x = { type = 'int', low = 1, hig = 2 }", "did you mean 'high'"},
      {"x = { type = 'int', low = 3, high = 2 }", "low is above high"},
      {"x = { type = 'int', low = 1.5, high = 2 }", "whole numbers"},
      {"x = { type = 'float', low = 0, high = 2, log = true }", "must begin above 0"},
      {"x = { type = 'float', low = 0, high = 2, points = 0 }", "points is below 1"},
      {"x = { type = 'float', low = 0, high = inf }", "high = NUMBER is missing"},
      {"x = { type = 'categorical' }", "values = [...] is missing"},
      {"x = { low = 0, high = 2 }", "type is missing"},
      {"x = []", "list of values is empty"},
      {"x = { type = 'int', low = 0, high = 2, if = 'a' }", "`if` needs `is"},
      {"x = = 2", ""},
  };
  for (auto const& [line, text] : wrong) {
    auto const told = message("a = 1\n\n" + line + "\nz = 2\n");
    EXPECT_THAT(told, HasSubstr("line 3")) << line;
    EXPECT_THAT(told, HasSubstr(text)) << line;
  }
  EXPECT_THAT(message("x = { type = 'int', low = 0, high = 2, if = 'y', is = [1] }\ny = [1, 2]"),
              HasSubstr("line 1: x: `if = \"y\"` names no parameter above it"));
}

TEST(Space, RoundTripsThroughToml) {
  auto const toml = Space::from_toml_text(every_form).to_toml();
  ASSERT_TRUE(toml.starts_with("[space]\n"));
  auto const again = Space::from_toml_text(toml.substr(8));
  EXPECT_EQ(again.to_toml(), toml);
  EXPECT_EQ(again.names(), Space::from_toml_text(every_form).names());
  for (double const u : {0.0, 0.3, 0.7, 0.999}) {
    std::vector<double> const point(again.searched().size(), u);
    EXPECT_EQ(again.at(point), Space::from_toml_text(every_form).at(point));
  }
}

TEST(Space, ConditionsDecideWhatIsThere) {
  auto const space = Space::from_toml_text(
      "b = [true, false]\nx = { type = 'float', low = 0, high = 1, if = 'b', is = [true] }\n"
      "y = { type = 'int', low = 0, high = 9, if = 'x', is = [5] }");
  EXPECT_EQ(space.at(std::vector{0.0, 0.5, 0.5}), (Configuration{{"b", "true"}, {"x", "0.5"}}));
  EXPECT_EQ(space.at(std::vector{0.9, 0.5, 0.5}), (Configuration{{"b", "false"}}));
}

TEST(Parameter, IntegersAreUniformWithBothEnds) {
  auto const dice = one("{ type = 'int', low = 1, high = 6 }");
  std::map<std::string, int> seen;
  for (int i = 0; i < 6000; ++i) ++seen[dice.at((i + 0.5) / 6000)];
  ASSERT_EQ(seen.size(), 6u);
  for (auto const& [face, count] : seen) EXPECT_EQ(count, 1000) << face;
  EXPECT_EQ(dice.at(0), "1");
  EXPECT_EQ(dice.at(std::nextafter(1.0, 0.0)), "6");
  EXPECT_EQ(one("{ type = 'int', low = -2, high = -2 }").at(0.7), "-2");
}

TEST(Parameter, LogRangesStayInBoundsAndAreUniformInTheLogarithm) {
  auto const range = one("{ type = 'float', low = 1e-4, high = 1.0, log = true }");
  int const n = 4000;
  std::vector<int> decades(4);
  for (int i = 0; i < n; ++i) {
    auto const value = *text::to_double(range.at((i + 0.5) / n));
    ASSERT_TRUE(1e-4 <= value && value <= 1);
    ++decades.at(static_cast<std::size_t>(std::floor(std::log10(value)) + 4));
  }
  for (int const count : decades) EXPECT_NEAR(count, n / 4, 1);
  EXPECT_EQ(range.at(0), "1e-04");

  auto const whole = one("{ type = 'int', low = 1, high = 1023, log = true }");
  int below_32 = 0;
  for (int i = 0; i < n; ++i) below_32 += *text::to_int(whole.at((i + 0.5) / n)) < 32;
  EXPECT_NEAR(below_32, n / 2, 1) << "31 of 1023 values hold half of ten doublings";
  EXPECT_EQ(whole.at(0), "1");
  EXPECT_EQ(whole.at(std::nextafter(1.0, 0.0)), "1023");
}

TEST(Parameter, AValueBesidesARangeWeighsAsMuchAsTheRange) {
  auto const depth = one("{ type = 'int', low = 10, high = 40, also = ['None', 'x'] }");
  std::map<bool, int> words;
  for (int i = 0; i < 3000; ++i) ++words[text::to_int(depth.at((i + 0.5) / 3000)).has_value()];
  EXPECT_EQ(words[true], 1000);
  EXPECT_EQ(words[false], 2000);
  EXPECT_EQ(depth.at(std::nextafter(1.0, 0.0)), "40");
}

TEST(Parameter, PlacesAreTheInverseOfValues) {
  for (auto const* toml : {"{ type = 'int', low = -3, high = 40, also = ['None', 'x'] }",
                           "{ type = 'int', low = 1, high = 1023, log = true }",
                           "{ type = 'int', low = 7, high = 7 }", "['gini', 'entropy', 0.2]"}) {
    auto const parameter = one(toml);
    for (double u = 0; u < 1; u += 1.0 / 512) {
      auto const value = parameter.at(u);
      auto const place = parameter.place(value).value();
      EXPECT_EQ(parameter.at(place), value) << toml << " at " << u;
    }
  }
  for (auto const* toml : {"{ type = 'float', low = -1, high = 3, also = 'None' }",
                           "{ type = 'float', low = 1e-4, high = 1.0, log = true }"}) {
    auto const parameter = one(toml);
    for (double within = 0; within <= 1; within += 1.0 / 64) {
      auto const place = parameter.place(parameter.at({parameter.values.size(), within})).value();
      EXPECT_EQ(place.part, parameter.values.size());
      EXPECT_NEAR(place.within, within, 1e-14) << toml;
    }
  }
}

TEST(Parameter, IntegersHaveCellsThatFillTheRange) {
  auto const dice = one("{ type = 'int', low = 1, high = 4, also = 'None' }");
  EXPECT_EQ(dice.cell(0.3), (std::pair{0.25, 0.5}));
  EXPECT_EQ(dice.cell(1), (std::pair{0.75, 1.0}));
  EXPECT_EQ(dice.place("2")->within, 0.375);
  auto const doubling = one("{ type = 'int', low = 1, high = 7, log = true }");
  EXPECT_NEAR(doubling.cell(0.5).first, std::log(2) / std::log(8), 1e-15);  // 2.83 is a 2
  EXPECT_NEAR(doubling.cell(0.5).second, std::log(3) / std::log(8), 1e-15);
  auto const real = one("{ type = 'float', low = 1, high = 4 }");
  EXPECT_EQ(real.cell(0.3), (std::pair{0.3, 0.3}));
}

TEST(Parameter, WhatItCannotBeHasNoPlace) {
  auto const depth = one("{ type = 'int', low = 10, high = 40, also = ['None'] }");
  for (auto const* value : {"9", "41", "10.5", "none", ""})
    EXPECT_FALSE(depth.place(value)) << value;
  EXPECT_FALSE(one("['gini', 'entropy']").place("log_loss"));
  EXPECT_FALSE(one("{ type = 'float', low = 0, high = 1 }").place("nan"));
}

TEST(Grid, HasEveryCombinationOnce) {
  auto const space = Space::from_toml_text(
      "n = { type = 'int', low = 1, high = 4 }\n"
      "rate = { type = 'float', low = 0.01, high = 1, log = true, points = 3 }\n"
      "b = [true, false]\n"
      "x = { type = 'float', low = 0, high = 1, points = 2, also = ['None'], if = 'b', is = "
      "[true] }\n"
      "fixed = 7");
  auto const grid = space.grid();
  EXPECT_EQ(grid.size(), 4u * 3 * (3 + 1));
  EXPECT_EQ(std::set<Configuration>(grid.begin(), grid.end()).size(), grid.size());
  EXPECT_EQ(space.searched()[0].grid(), (Words{"1", "2", "3", "4"}));
  EXPECT_EQ(space.searched()[1].grid(), (Words{"0.01", "0.1", "1"}));
  EXPECT_EQ(space.searched()[3].grid(), (Words{"None", "0", "1"}));
  EXPECT_EQ(to_text(grid.front()), "fixed=7, n=1, rate=0.01, b=true, x=None");
}

TEST(Grid, RefusesToGrowWithoutEnd) {
  std::string const fine = " = { type = 'int', low = 1, high = 1001, points = 1001 }\n";
  EXPECT_EQ(Space::from_toml_text("x" + fine).grid().size(), 1001u);
  EXPECT_THROW(Space::from_toml_text("x" + fine + "y" + fine).grid(), UserError);
}

TEST(Space, SteppedRangesHaveTheirGridOnly) {
  auto const space = Space::from_toml_text(
      "a = { type = 'int', low = 2, high = 20, points = 4 }\n"
      "b = { type = 'float', low = 1e-4, high = 1.0, log = true, points = 5, also = ['None'] }\n"
      "c = ['x', 'y']");
  auto const stepped = space.stepped();
  for (auto const& parameter : stepped.searched()) {
    auto const grid = parameter.grid();
    std::set<std::string> seen;
    for (double u = 0.001; u < 1; u += 0.001) seen.insert(parameter.at(u));
    EXPECT_EQ(seen, std::set<std::string>(grid.begin(), grid.end())) << parameter.name;
    for (auto const& value : grid) {
      auto const place = parameter.place(value);
      ASSERT_TRUE(place) << value;
      EXPECT_EQ(parameter.at(*place), value);
      auto const [low, high] = parameter.cell(place->within);
      if (place->part == parameter.values.size()) {
        EXPECT_EQ(parameter.at(Parameter::Place{place->part, low + 1e-9}), value);
        EXPECT_EQ(parameter.at(Parameter::Place{place->part, high - 1e-9}), value);
      }
    }
  }
  EXPECT_FALSE(stepped.searched()[0].place("3")) << "between two steps";
  auto const read_back =
      Space::from_toml(TomlNode{*toml::parse(stepped.to_toml())["space"].as_table(), "again"});
  EXPECT_EQ(read_back.to_toml(), stepped.to_toml());
}

}  // namespace
}  // namespace canopy::tune
