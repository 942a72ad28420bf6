#include <gtest/gtest.h>

#include "canopy/core/array.hpp"

namespace canopy {
namespace {

NamedArrays example() {
  NamedArrays arrays;
  arrays.put("x", std::vector<double>{1, 2, 3, 4}, {2, 2});
  arrays.put("names", std::vector<std::string>{"ab", "c"});
  return arrays;
}

TEST(NamedArrays, KeepsOrderAndReplacesByName) {
  auto arrays = example();
  arrays.put("x", std::vector<float>{5});
  ASSERT_EQ(arrays.arrays().size(), 2u);
  EXPECT_EQ(arrays.arrays()[0].first, "x");
  EXPECT_EQ(arrays.get<float>("x"), std::vector<float>{5});
  EXPECT_EQ(arrays.at("names").size(), 2u);
  EXPECT_TRUE(arrays.has("names"));
  EXPECT_FALSE(arrays.has("name"));
}

TEST(NamedArrays, SaysWhatIsMissingOrOfAnotherType) {
  auto arrays = example();
  arrays.set_attribute("n", std::int64_t{3});
  EXPECT_THROW(arrays.at("y"), DataError);
  EXPECT_THROW(arrays.get<float>("x"), DataError);
  EXPECT_THROW(arrays.attribute("m"), DataError);
  EXPECT_THROW(arrays.text_attribute("n"), DataError);
  EXPECT_EQ(arrays.int_attribute("n"), 3);
  arrays.set_attribute("n", "three");
  EXPECT_EQ(arrays.text_attribute("n"), "three");
  EXPECT_THROW(arrays.int_attribute("n"), DataError);
  EXPECT_EQ(arrays.attributes().size(), 1u);
}

TEST(NamedArrays, HashTellsValuesShapesNamesTypesAndOrder) {
  auto const hash = example().sha256();
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(example().sha256(), hash);

  auto values = example();
  values.put("x", std::vector<double>{1, 2, 3, 5}, {2, 2});
  EXPECT_NE(values.sha256(), hash);
  auto shape = example();
  shape.put("x", std::vector<double>{1, 2, 3, 4}, {4, 1});
  EXPECT_NE(shape.sha256(), hash);
  auto words = example();
  words.put("names", std::vector<std::string>{"a", "bc"});
  EXPECT_NE(words.sha256(), hash);
  NamedArrays renamed;
  renamed.put("y", std::vector<double>{1, 2, 3, 4}, {2, 2});
  renamed.put("names", std::vector<std::string>{"ab", "c"});
  EXPECT_NE(renamed.sha256(), hash);
  NamedArrays reordered;
  reordered.put("names", std::vector<std::string>{"ab", "c"});
  reordered.put("x", std::vector<double>{1, 2, 3, 4}, {2, 2});
  EXPECT_NE(reordered.sha256(), hash);
  NamedArrays a, b;
  a.put("x", std::vector<std::int32_t>{0});
  b.put("x", std::vector<float>{0});
  EXPECT_NE(a.sha256(), b.sha256());
}

TEST(NamedArrays, HashIgnoresAttributes) {
  auto arrays = example();
  arrays.set_attribute("host", "here");
  EXPECT_EQ(arrays.sha256(), example().sha256());
  EXPECT_FALSE(arrays == example());
}

}  // namespace
}  // namespace canopy
