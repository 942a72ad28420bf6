// Forests as named arrays: nothing is lost, and damage is found before it is used.
#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "tables.hpp"

namespace canopy::forest {
namespace {

Forest small_forest() {
  return test::grow(
      test::mixed(120, 3, 5),
      test::parameters({{"n-estimators", "4"}, {"max-features", "0.5"}, {"max-samples", "1.0"}}));
}

TEST(Serialise, RoundTripLosesNothing) {
  auto const forest = small_forest();
  auto const arrays = forest.to_arrays();
  auto const back = Forest::from_arrays(arrays);
  EXPECT_EQ(back, forest);
  EXPECT_EQ(back.to_arrays(), arrays);
  EXPECT_EQ(back.to_arrays().sha256(), arrays.sha256());
  auto const x = test::mixed(50, 3, 6).features;
  EXPECT_EQ(back.predict_proba(x), forest.predict_proba(x));
}

TEST(Serialise, KeepsTheOrderOfBestFirstTrees) {
  auto const forest = test::grow(
      test::mixed(120, 3, 5), test::parameters({{"n-estimators", "3"}, {"max-leaf-nodes", "9"}}));
  EXPECT_EQ(Forest::from_arrays(forest.to_arrays()), forest);
}

TEST(Serialise, HashTellsForestsApart) {
  auto const set = test::mixed(120, 3, 5);
  auto const hash = [&](std::uint64_t seed) {
    return test::grow(set, test::parameters({{"n-estimators", "2"}}), seed).to_arrays().sha256();
  };
  EXPECT_EQ(hash(1), hash(1));
  EXPECT_NE(hash(1), hash(2));
}

TEST(Serialise, AnEmptyForestTravelsToo) {
  Forest const empty{{}, {}, {"a", "b"}, {"x"}};
  EXPECT_EQ(Forest::from_arrays(empty.to_arrays()), empty);
}

template <class T>
void change(NamedArrays& arrays, std::string const& name,
            std::function<void(std::vector<T>&)> const& edit) {
  auto values = arrays.get<T>(name);
  edit(values);
  arrays.put(name, values, arrays.at(name).shape);
}

TEST(Serialise, NamesTheDamage) {
  auto arrays = small_forest().to_arrays();
  change<std::int32_t>(arrays, "left", [](auto& left) { left[0] = 0; });
  try {
    Forest::from_arrays(arrays);
    FAIL();
  } catch (DataError const& e) {
    EXPECT_STREQ(e.what(),
                 "the forest is damaged: tree 0, node 0 has a wrong child; save or train it again");
  }
}

class Damage : public testing::TestWithParam<std::pair<char const*, void (*)(NamedArrays&)>> {};

TEST_P(Damage, IsADataError) {
  auto arrays = small_forest().to_arrays();
  GetParam().second(arrays);
  EXPECT_THROW(Forest::from_arrays(arrays), DataError);
}

using Nodes = std::vector<std::int32_t>;
using Reals = std::vector<double>;

INSTANTIATE_TEST_SUITE_P(
    Forest, Damage,
    testing::Values(
        std::pair{"format", +[](NamedArrays& a) { a.set_attribute("format", "canopy-forest/9"); }},
        std::pair{"parameter", +[](NamedArrays& a) { a.set_attribute("n-estimators", "-1"); }},
        std::pair{"missing",
                  +[](NamedArrays& a) {
                    NamedArrays rest;
                    for (auto const& [name, value] : a.attributes())
                      rest.set_attribute(name, value);
                    for (auto const& [name, array] : a.arrays())
                      if (name != "impurity") rest.put(name, array.data, array.shape);
                    a = rest;
                  }},
        std::pair{"type", +[](NamedArrays& a) { a.put("feature", Reals(a.at("left").size())); }},
        std::pair{"short",
                  +[](NamedArrays& a) {
                    change<std::int32_t>(a, "right", [](Nodes& v) { v.pop_back(); });
                  }},
        std::pair{
            "values",
            +[](NamedArrays& a) { change<double>(a, "values", [](Reals& v) { v.pop_back(); }); }},
        std::pair{
            "negative",
            +[](NamedArrays& a) { change<double>(a, "values", [](Reals& v) { v[3] = -1; }); }},
        std::pair{"offsets",
                  +[](NamedArrays& a) {
                    change<std::int64_t>(a, "tree_offsets", [](auto& v) { std::swap(v[1], v[2]); });
                  }},
        std::pair{"no_offsets",
                  +[](NamedArrays& a) { a.put("tree_offsets", std::vector<std::int64_t>{}); }},
        std::pair{"no_classes",
                  +[](NamedArrays& a) {
                    a.put("class_names", std::vector<std::string>{});
                    a.put("values", Reals{});
                  }},
        std::pair{"feature",
                  +[](NamedArrays& a) {
                    change<std::int32_t>(a, "feature", [](Nodes& v) { v[0] = 10; });
                  }},
        std::pair{"child",
                  +[](NamedArrays& a) {
                    change<std::int32_t>(a, "right", [](Nodes& v) { v[0] = 1 << 30; });
                  }},
        std::pair{"twice",
                  +[](NamedArrays& a) {
                    auto const left = a.get<std::int32_t>("left");
                    change<std::int32_t>(a, "right", [&](Nodes& v) { v[0] = left[0]; });
                  }},
        std::pair{"threshold",
                  +[](NamedArrays& a) {
                    change<double>(a, "threshold", [](Reals& v) { v[0] = std::nan(""); });
                  }},
        std::pair{
            "weight",
            +[](NamedArrays& a) { change<double>(a, "weight", [](Reals& v) { v.back() = 0; }); }}),
    [](auto const& damage) { return std::string{damage.param.first}; });

TEST(Serialise, RandomDamageIsFoundOrHarmless) {
  auto const arrays = small_forest().to_arrays();
  auto const x = test::mixed(20, 3, 6).features;
  Stream random{Key{3}};
  int refused = 0;
  for (int round = 0; round < 600; ++round) {
    auto broken = arrays;
    auto const* name = std::array{"feature", "left", "right"}[random.below(3)];
    change<std::int32_t>(broken, name, [&](Nodes& v) {
      v[random.below(static_cast<std::uint32_t>(v.size()))] =
          static_cast<std::int32_t>(random.below(60)) - 5;
    });
    try {
      Forest::from_arrays(broken).predict_proba(x);
    } catch (DataError const&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace canopy::forest
