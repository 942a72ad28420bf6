#include <gmock/gmock.h>

#include "canopy/nn/model.hpp"

#include "nn/networks.hpp"

namespace canopy::nn::test {
namespace {

Model model() {
  auto const net = network("{conv2d = 3}, \"batch_norm\", \"relu\", {dense = 3}", {1, 5, 5}, 3);
  Model result{net.architecture(), initial<float>(net), {{0.25}, {2}}, {"a", "b", "c"}, {}};
  for (int i = 0; i < 25; ++i) result.feature_names.push_back("pixel" + std::to_string(i));
  return result;
}

TEST(Model, IsTheSameAfterItsArrays) {
  auto const original = model();
  auto const arrays = original.to_arrays();
  EXPECT_EQ(Model::from_arrays(arrays), original);
  EXPECT_EQ(arrays.text_attribute("format"), "canopy-network/1");
  EXPECT_EQ(arrays.at("1.weight").shape, (std::vector<std::int64_t>{1, 3, 3, 3}));
}

TEST(Model, EveryNamedModelGoesThroughArrays) {
  for (auto const& named : named_models()) {
    Network const net{architecture(named.name, {1, 16, 16}, 2)};
    Model original{net.architecture(), initial<float>(net), {{0}, {1}}, {"no", "yes"}, {}};
    original.feature_names.assign(256, "pixel");
    EXPECT_EQ(Model::from_arrays(original.to_arrays()), original) << named.name;
  }
}

TEST(Model, HashChangesWithAnyNumber) {
  auto changed = model();
  changed.arena.back() += 1;
  EXPECT_NE(changed.sha256(), model().sha256());
  EXPECT_EQ(changed.sha256().size(), 64u);
}

void expect_damage(std::string const& text, auto&& harm) {
  auto arrays = model().to_arrays();
  harm(arrays);
  EXPECT_THAT([&] { Model::from_arrays(arrays); },
              testing::ThrowsMessage<DataError>(testing::HasSubstr(text)));
}

TEST(Model, DamageIsAnErrorThatSaysWhat) {
  expect_damage("'canopy-network/9'",
                [](auto& a) { a.set_attribute("format", std::string{"canopy-network/9"}); });
  expect_damage("tensor 1.bias has 2 numbers, expected 3", [](auto& a) {
    a.put("1.bias", std::vector<float>{1, 2});
  });
  expect_damage("hash", [](auto& a) { a.put("1.bias", std::vector<float>{1, 2, 3}); });
  expect_damage("no layer is called 'dens'",
                [](auto& a) { a.set_attribute("layers", std::string{"layers = [{dens = 3}]"}); });
  expect_damage("no input", [](auto& a) { a.set_attribute("height", std::int64_t{0}); });
  expect_damage("feature names",
                [](auto& a) { a.put("feature_names", std::vector<std::string>{"x"}); });
  expect_damage("no classes", [](auto& a) { a.put("class_names", std::vector<std::string>{}); });
  expect_damage("means", [](auto& a) { a.put("mean", std::vector<double>{1, 2}); });
}

TEST(PredictProba, IsThatOfAPassWhateverTheRowsBesideARow) {
  auto const trained = model();
  Samples const samples{150, {1, 5, 5}, 3};
  auto const all = predict_proba(trained, samples.view(), samples.numbers);
  ASSERT_EQ(all.size(), 450u);
  for (std::uint32_t row : {0u, 63u, 64u, 149u}) {
    auto const one = predict_proba(trained, samples.view(), std::span{&row, 1});
    EXPECT_TRUE(std::ranges::equal(one, std::span{all}.subspan(3 * row, 3)));
    EXPECT_NEAR(one[0] + one[1] + one[2], 1, 1e-6);
  }
}

}  // namespace
}  // namespace canopy::nn::test
