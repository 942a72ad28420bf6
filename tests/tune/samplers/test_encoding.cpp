#include <cmath>
#include <tuple>

#include <gmock/gmock.h>

#include "canopy/core/random.hpp"

#include "samplers/encoding.hpp"

namespace canopy::tune {
namespace {

constexpr char every_form[] = R"(
depth = { type = "int", low = 1, high = 40, also = ["None"] }
rate = { type = "float", low = 1e-3, high = 1.0, log = true }
criterion = ["gini", "entropy"]
bootstrap = [true, false]
share = { type = "float", low = 0.5, high = 0.9, if = "bootstrap", is = [true] }
kind = "extra_trees"
)";

Encoding encoding() {
  return Encoding{Space::from_toml_text(every_form)};
}

TEST(Encoding, ARangeWithWordsBesidesItIsTwoDimensions) {
  auto const all = encoding();
  std::vector<std::pair<std::size_t, int>> found;
  for (auto const& d : all.dimensions()) found.emplace_back(d.parameter, d.choices);
  EXPECT_EQ(found, (std::vector<std::pair<std::size_t, int>>{
                       {0, 2}, {0, 0}, {1, 0}, {2, 2}, {3, 2}, {4, 0}}));
}

TEST(Encoding, RoundTripsWhatASpaceGives) {
  auto const all = encoding();
  Stream stream{Key{1}};
  for (int i = 0; i < 200; ++i) {
    std::vector<double> coordinates(5);
    for (auto& u : coordinates) u = stream.uniform();
    auto const configuration = all.space().at(coordinates);
    auto const point = all.encode(configuration).value();
    auto const again = all.decode(point);
    EXPECT_TRUE(same(all.at(coordinates), point));
    ASSERT_EQ(again.size(), configuration.size());
    for (std::size_t k = 0; k < again.size(); ++k)
      if (again[k].first == "rate" || again[k].first == "share")
        EXPECT_NEAR(std::stod(again[k].second), std::stod(configuration[k].second), 1e-15);
      else
        EXPECT_EQ(again[k], configuration[k]);
  }
}

TEST(Encoding, WhatIsSwitchedOffIsNotThere) {
  auto const all = encoding();
  auto const off = all.encode({{"kind", "extra_trees"},
                               {"depth", "None"},
                               {"rate", "0.1"},
                               {"criterion", "entropy"},
                               {"bootstrap", "false"},
                               {"share", "7"}});  // a default has a value even so
  ASSERT_TRUE(off);
  EXPECT_EQ((*off)[0], 0);
  EXPECT_TRUE(std::isnan((*off)[1]));
  EXPECT_EQ((*off)[3], 1);
  EXPECT_EQ((*off)[4], 1);
  EXPECT_TRUE(std::isnan((*off)[5]));
  EXPECT_EQ(find(all.decode(*off), "share"), nullptr);

  auto point = *off;
  point[0] = 1, point[1] = 0.26;
  EXPECT_EQ(*find(all.decode(point), "depth"), "11");
  EXPECT_EQ(all.settled(point)[1], (11 - 0.5) / 40) << "in the middle of the cell";
  EXPECT_TRUE(same(all.settled(point), all.settled(all.settled(point))));
}

TEST(Encoding, CoordinatesAreThoseOfTheSpace) {
  auto const all = encoding();
  auto const coordinates = all.coordinates(all.at(std::vector{0.51, 0.3, 0.1, 0.8, 0.9}));
  EXPECT_EQ(coordinates, (std::vector{(1 + 0.5 / 40) / 2, coordinates[1], 0.25, 0.75, 0.5}));
  EXPECT_NEAR(coordinates[1], 0.3, 1e-14);
  EXPECT_EQ(all.coordinates(all.at(std::vector{0.1, 0.3, 0.1, 0.2, 0.9}))[0], 0.25) << "a word";
  EXPECT_TRUE(same(all.at(coordinates), all.at(all.coordinates(all.at(coordinates)))));
}

TEST(Encoding, KnowsNothingOfWhatTheSpaceHasNot) {
  auto const all = encoding();
  Configuration const good{
      {"depth", "3"}, {"rate", "0.1"}, {"criterion", "gini"}, {"bootstrap", "false"}};
  auto const known = all.encode(good).value();
  for (auto const& [d, name, value] : {std::tuple{1, "depth", "41"},
                                       {2, "rate", "2"},
                                       {3, "criterion", "x"},
                                       {4, "bootstrap", "None"},
                                       {5, "bootstrap", "true"}}) {  // no share beside it
    auto other = good;
    for (auto& entry : other)
      if (entry.first == name) entry.second = value;
    auto const point = all.encode(other).value();
    EXPECT_TRUE(std::isnan(point[static_cast<std::size_t>(d)])) << name;
    EXPECT_TRUE(d == 2 || point[2] == known[2]) << "the rest is known";
  }
  EXPECT_FALSE(all.encode({{"depth", "41"}}));
  auto other = good;
  other.emplace_back("kind", "random_forest");
  EXPECT_FALSE(all.encode(other)) << "the space fixes another";
}

TEST(Encoding, TellsPointsApart) {
  auto const nan = std::nan("");
  EXPECT_TRUE(same({1, nan}, {1, nan}));
  EXPECT_FALSE(same({1, nan}, {1, 0}));
  EXPECT_FALSE(same({1, 2}, {1, 3}));
}

}  // namespace
}  // namespace canopy::tune
