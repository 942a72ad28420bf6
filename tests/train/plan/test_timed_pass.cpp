#include <gtest/gtest.h>

#include "canopy/data/source.hpp"
#include "canopy/nn/architecture.hpp"
#include "canopy/train/plan/timed_pass.hpp"

namespace canopy::train {
namespace {

/// A clock that goes on by a second whenever somebody looks.
double looks = 0;
double next_look() {
  return ++looks;
}

TEST(TimedPass, TimesEachPartOnceAndNoGradientOfTheInput) {
  data::Source source;
  source.data = "synthetic:mnist,rows=40";
  auto const samples = data::Samples::pack(data::load(source, 1).train);
  nn::Shape const shape{1, 28, 28};
  nn::Network const network{nn::architecture("mlp:32-16", shape, samples.classes())};
  Feed const feed{samples, shape, nn::Standardisation::none(shape)};
  TimedPass pass{network, feed, 16, next_look};
  EXPECT_EQ(pass.rows(), 16);
  for (int run = 0; run < 2; ++run) {
    auto const times = pass.run();
    EXPECT_EQ(times.input, 1);
    EXPECT_EQ(times.loss, 1);
    ASSERT_EQ(times.layers.size(), 3u);
    for (std::size_t layer = 0; layer < 3; ++layer) {
      EXPECT_EQ(times.layers[layer].forward, 1);
      EXPECT_EQ(times.layers[layer].backward, layer == 0 ? 0 : 1);
      EXPECT_EQ(times.layers[layer].weights, 1);
    }
  }
  EXPECT_EQ((TimedPass{network, feed, 64, next_look}.rows()), 40) << "no more than there are";
}

}  // namespace
}  // namespace canopy::train
