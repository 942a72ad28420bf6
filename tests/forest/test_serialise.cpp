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

TEST(Serialise, KeepsWeightsThatAreNotWhole) {
  for (auto const* max_leaf_nodes : {"None", "9"}) {
    auto const forest =
        test::grow(test::mixed(150, 3, 5), test::parameters({{"n-estimators", "4"},
                                                             {"class-weight", "balanced"},
                                                             {"min-samples-leaf", "3"},
                                                             {"max-leaf-nodes", max_leaf_nodes}}));
    auto const arrays = forest.to_arrays();
    EXPECT_EQ(arrays.at("present").size(), forest.nodes()) << "sums of such weights are not exact";
    EXPECT_EQ(Forest::from_arrays(arrays), forest);
  }
}

/// A root with two pure leaves of so many rows, in which nothing can be left out but what follows.
Tree stump(std::uint32_t left_rows, std::uint32_t right_rows) {
  double const l = left_rows, r = right_rows;
  Tree tree{.classes = 2, .nodes = {}, .values = {}};
  tree.nodes = {{.threshold = 0.5,
                 .impurity = 0.25,
                 .weight = l + r,
                 .feature = 0,
                 .left = 1,
                 .right = 2,
                 .samples = left_rows + right_rows},
                {.weight = l, .samples = left_rows, .depth = 1},
                {.weight = r, .samples = right_rows, .depth = 1}};
  tree.keep_values(std::vector<double>{l, r, l, 0, 0, r});
  return tree;
}

TEST(Serialise, TakesTheNarrowestTypeThatHoldsEverything) {
  auto const type = [](Tree const& tree, std::string const& name) {
    Forest const forest{{}, {tree}, {"a", "b"}, {"x"}};
    auto const arrays = forest.to_arrays();
    EXPECT_EQ(Forest::from_arrays(arrays), forest) << name;
    return arrays.at(name).data.index();
  };
  auto const index_of = [](Array::Data const& data) { return data.index(); };
  auto const u8 = index_of(std::vector<std::uint8_t>{});
  auto const u16 = index_of(std::vector<std::uint16_t>{});
  auto const u32 = index_of(std::vector<std::uint32_t>{});
  auto const f32 = index_of(std::vector<float>{});
  auto const f64 = index_of(std::vector<double>{});
  for (auto const* name : {"samples", "present_count"}) {
    EXPECT_EQ(type(stump(255, 1), name), u8);
    EXPECT_EQ(type(stump(256, 1), name), u16);
    EXPECT_EQ(type(stump(1, 65'535), name), u16);
    EXPECT_EQ(type(stump(1, 65'536), name), u32);
  }
  EXPECT_EQ(type(stump(1, 1), "threshold"), f32);
  auto tree = stump(1, 1);
  tree.nodes[0].threshold = 0.1;
  EXPECT_EQ(type(tree, "threshold"), f64);
  tree.nodes[0].weight = 1.25, tree.nodes[1].weight = 0.25;
  EXPECT_EQ(type(tree, "present_count"), f32);
  tree.nodes[0].weight = 1.1, tree.nodes[1].weight = 0.1;
  EXPECT_EQ(type(tree, "present_count"), f64);
}

TEST(Serialise, LeavesOutWhatFollows) {
  auto const names = [](Tree const& tree) {
    std::vector<std::string> found;
    Forest const forest{{}, {tree}, {"a", "b"}, {"x"}};
    for (auto const* name : {"left", "leaf_impurity", "weight"})
      if (forest.to_arrays().has(name)) found.push_back(name);
    EXPECT_EQ(Forest::from_arrays(forest.to_arrays()), forest);
    return found;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(stump(3, 4)), Names{});
  auto tree = stump(3, 4);
  std::swap(tree.nodes[0].left, tree.nodes[0].right);
  EXPECT_EQ(names(tree), Names{"left"});
  tree = stump(3, 4);
  tree.nodes[2].impurity = 0.5;
  EXPECT_EQ(names(tree), Names{"leaf_impurity"});
  tree = stump(3, 4);
  tree.nodes[0].weight = std::nextafter(7.0, 8.0);
  EXPECT_EQ(names(tree), Names{"weight"});
}

/// scikit-learn's trees have such leaves where all rows weigh nothing; 0 / 0 is their impurity.
TEST(Serialise, KeepsNodesWithoutWeight) {
  auto tree = stump(3, 4);
  tree.nodes[0].samples = 3;
  tree.nodes[0].weight = 3;
  tree.nodes[2].samples = 0;
  tree.nodes[2].weight = 0;
  tree.nodes[2].impurity = std::nan("");
  tree.keep_values(std::vector<double>{3, 0, 3, 0, 0, 0});
  auto const arrays = Forest{{}, {tree}, {"a", "b"}, {"x"}}.to_arrays();
  auto const back = Forest::from_arrays(arrays);
  EXPECT_TRUE(std::isnan(back.trees()[0].nodes[2].impurity));
  EXPECT_EQ(back.trees()[0].nodes[2].weight, 0);
  EXPECT_EQ(back.trees()[0].values, tree.values);
  EXPECT_EQ(back.to_arrays().sha256(), arrays.sha256());
}

TEST(Serialise, TakesFewBytesPerNode) {
  auto const forest =
      test::grow(test::mixed(3000, 7, 5), test::parameters({{"n-estimators", "5"}}));
  std::size_t bytes = 0;
  auto const arrays = forest.to_arrays();
  for (auto const& [name, array] : arrays.arrays())
    if (name != "class_names" && name != "feature_names")
      bytes += std::visit([](auto const& v) { return v.size() * sizeof v[0]; }, array.data);
  EXPECT_LT(bytes, 16 * forest.nodes());
}

TEST(Serialise, RefusesAnOlderFormatWithARemedy) {
  auto arrays = small_forest().to_arrays();
  arrays.set_attribute("format", "canopy-forest/1");
  try {
    Forest::from_arrays(arrays);
    FAIL();
  } catch (DataError const& e) {
    EXPECT_STREQ(e.what(),
                 "this forest has the format 'canopy-forest/1', expected 'canopy-forest/2'; train "
                 "it again (the same settings and seed give the same trees), or use the version of "
                 "canopy that wrote it");
  }
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

/// Edits an array of whole numbers or reals, which may then be wider than it was.
void change(NamedArrays& arrays, std::string const& name,
            std::function<void(std::vector<double>&)> const& edit) {
  auto const visit = [&]<class T>(std::vector<T> const& values) {
    if constexpr (std::is_arithmetic_v<T>) {
      std::vector<double> wide(values.begin(), values.end());
      edit(wide);
      if constexpr (std::is_floating_point_v<T>)
        arrays.put(name, wide);
      else if constexpr (std::is_signed_v<T>)
        arrays.put(name, std::vector<std::int64_t>(wide.begin(), wide.end()));
      else
        arrays.put(name, std::vector<std::uint32_t>(wide.begin(), wide.end()));
    }
  };
  std::visit(visit, Array{arrays.at(name)}.data);
}

void remove(NamedArrays& arrays, std::string const& gone) {
  NamedArrays rest;
  for (auto const& [name, value] : arrays.attributes()) rest.set_attribute(name, value);
  for (auto const& [name, array] : arrays.arrays())
    if (name != gone) rest.put(name, array.data, array.shape);
  arrays = rest;
}

TEST(Serialise, NamesTheDamage) {
  auto arrays = small_forest().to_arrays();
  change(arrays, "right", [](auto& right) { right[0] = 0; });
  try {
    Forest::from_arrays(arrays);
    FAIL();
  } catch (DataError const& e) {
    EXPECT_STREQ(e.what(),
                 "the forest is damaged: tree 0, node 0 has a wrong child; save or train it again");
  }
}

TEST(Serialise, NeedsEveryArrayThatDoesNotFollow) {
  auto const arrays = small_forest().to_arrays();
  for (auto const& [name, array] : arrays.arrays()) {
    auto without = arrays;
    remove(without, name);
    EXPECT_THROW(Forest::from_arrays(without), DataError) << name;
    auto longer = arrays;
    change(longer, name, [](auto& values) { values.push_back(values.back()); });
    if (longer == arrays) continue;  // texts
    EXPECT_THROW(Forest::from_arrays(longer), DataError) << name;
  }
}

class Damage : public testing::TestWithParam<std::pair<char const*, void (*)(NamedArrays&)>> {};

TEST_P(Damage, IsADataError) {
  auto arrays = small_forest().to_arrays();
  GetParam().second(arrays);
  EXPECT_THROW(Forest::from_arrays(arrays), DataError);
}

using Values = std::vector<double>;

INSTANTIATE_TEST_SUITE_P(
    Forest, Damage,
    testing::Values(
        std::pair{"format", +[](NamedArrays& a) { a.set_attribute("format", "canopy-forest/9"); }},
        std::pair{"parameter", +[](NamedArrays& a) { a.set_attribute("n-estimators", "-1"); }},
        std::pair{"type",
                  +[](NamedArrays& a) { a.put("feature", Values(a.at("feature").size())); }},
        std::pair{"offsets",
                  +[](NamedArrays& a) {
                    change(a, "tree_offsets", [](Values& v) { std::swap(v[1], v[2]); });
                  }},
        std::pair{"no_offsets",
                  +[](NamedArrays& a) { a.put("tree_offsets", std::vector<std::int64_t>{}); }},
        std::pair{"no_classes",
                  +[](NamedArrays& a) { a.put("class_names", std::vector<std::string>{}); }},
        std::pair{"fewer_classes",
                  +[](NamedArrays& a) { a.put("class_names", std::vector<std::string>{"a"}); }},
        std::pair{"feature",
                  +[](NamedArrays& a) { change(a, "feature", [](Values& v) { v[0] = 11; }); }},
        std::pair{"leaf_for_a_split",
                  +[](NamedArrays& a) { change(a, "feature", [](Values& v) { v[0] = 0; }); }},
        std::pair{"child",
                  +[](NamedArrays& a) { change(a, "right", [](Values& v) { v[0] = 1 << 30; }); }},
        std::pair{"twice",
                  +[](NamedArrays& a) { change(a, "right", [](Values& v) { v[0] = 1; }); }},
        std::pair{"threshold",
                  +[](NamedArrays& a) {
                    change(a, "threshold", [](Values& v) { v[0] = std::nan(""); });
                  }},
        std::pair{"impurity",
                  +[](NamedArrays& a) {
                    change(a, "impurity",
                           [](Values& v) { v[0] = std::numeric_limits<double>::infinity(); });
                  }},
        std::pair{"no_rows",
                  +[](NamedArrays& a) { change(a, "present_count", [](Values& v) { v[0] = 0; }); }},
        std::pair{"negative",
                  +[](NamedArrays& a) {
                    auto counts = Values(a.at("present_count").size(), 1.0);
                    counts[3] = -1;
                    a.put("present_count", counts);
                  }},
        std::pair{"class",
                  +[](NamedArrays& a) { change(a, "present_class", [](Values& v) { v[0] = 3; }); }},
        std::pair{"weight",
                  +[](NamedArrays& a) {
                    Values weights(a.at("feature").size(), 1.0);
                    weights.back() = 0;
                    a.put("weight", weights);
                  }}),
    [](auto const& damage) { return std::string{damage.param.first}; });

TEST(Serialise, RandomDamageIsFoundOrHarmless) {
  auto const arrays = small_forest().to_arrays();
  auto const x = test::mixed(20, 3, 6).features;
  Stream random{Key{3}};
  int refused = 0;
  for (int round = 0; round < 800; ++round) {
    auto broken = arrays;
    auto const* name = std::array{"feature", "right", "present", "present_class"}[random.below(4)];
    change(broken, name, [&](Values& v) {
      v[random.below(static_cast<std::uint32_t>(v.size()))] = random.below(60);
    });
    try {
      Forest::from_arrays(broken).predict_proba(x);
    } catch (DataError const&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 400);
}

}  // namespace
}  // namespace canopy::forest
