// Digits of MNIST: a network must learn them as fast as such networks are known to.
#include <numeric>

#include <gtest/gtest.h>

#include "canopy/data/source.hpp"

#include "nn/trainer.hpp"
#include "support/real_data.hpp"

namespace canopy::nn::test {
namespace {

/// Pixels as they come, row-major.
std::vector<float> pixels_of(data::Dataset const& set) {
  std::vector<float> pixels(static_cast<std::size_t>(set.features.size()));
  Eigen::Map<Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>{pixels.data(), set.rows(),
                                                            set.columns()} = set.features;
  return pixels;
}

TEST(Mnist, LenetRecognises94PercentOfTheTestSetAfterOnePassOver20000Digits) {
  data::Source source;
  source.data = "mnist";
  if (auto const folder = canopy::test::real_data_dir()) source.data_dir = *folder;
  if (!std::filesystem::exists(source.data_dir / "mnist"))
    GTEST_SKIP() << "mnist is not there; data/fetch.sh gets it";
  auto const loaded = data::load(source, 0);
  auto const train = pixels_of(loaded.train);
  auto const test = pixels_of(*loaded.test);
  auto const shape = image_shape(loaded.train.columns());
  auto const view = [&](std::vector<float> const& pixels) {
    return RowsView<float>{pixels.data(), static_cast<std::int64_t>(pixels.size()) / shape.size(),
                           shape.size(), shape.size()};
  };
  std::vector<std::uint32_t> rows(20'000);
  std::iota(rows.begin(), rows.end(), 0u);
  auto const standardisation = Standardisation::fit(view(train), rows, shape);
  EXPECT_NEAR(standardisation.mean[0], 0.1307 * 255, 0.5);  // torchvision's constants
  EXPECT_NEAR(1 / standardisation.inverse_deviation[0], 0.3081 * 255, 0.5);

  Network const net{architecture("lenet", shape, loaded.train.classes())};
  Trainer trainer{
      net, view(train), loaded.train.labels, {.batch_size = 64, .lr = 0.05}, standardisation};
  for (std::size_t begin = 0; begin + 64 <= rows.size(); begin += 64)
    trainer.step(std::span{rows}.subspan(begin, 64));
  std::vector<std::uint32_t> test_rows(static_cast<std::size_t>(loaded.test->rows()));
  std::iota(test_rows.begin(), test_rows.end(), 0u);
  EXPECT_GT(trainer.accuracy(view(test), loaded.test->labels, test_rows), 0.94);
}

}  // namespace
}  // namespace canopy::nn::test
