#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/data/readers.hpp"
#include "canopy/data/samples.hpp"
#include "canopy/data/source.hpp"

#include "files.hpp"

namespace canopy::data {
namespace {

Dataset dataset(Eigen::MatrixXf features) {
  Dataset set;
  set.name = "test";
  set.features = std::move(features);
  for (int f = 0; f < set.columns(); ++f) set.feature_names.push_back("x" + std::to_string(f));
  set.class_names = {"a", "b", "c"};
  for (std::int64_t i = 0; i < set.rows(); ++i)
    set.labels.push_back(static_cast<std::uint16_t>(i % 3));
  return set;
}

/// Whole numbers of 0 .. 255, all of them different in the first 256 places.
Eigen::MatrixXf pixels(int rows, int columns) {
  Eigen::MatrixXf x(rows, columns);
  for (int i = 0; i < rows * columns; ++i)
    x(i / columns, i % columns) = static_cast<float>(i % 256);
  return x;
}

Source digits(std::vector<std::string> drop = {}) {
  Source source;
  source.data = "synthetic:mnist,rows=10";
  source.drop = std::move(drop);
  return source;
}

void expect_rows(Samples const& samples, std::int64_t first, Dataset const& set) {
  for (std::int64_t row = 0; row < set.rows(); ++row) {
    EXPECT_EQ(samples.labels()[static_cast<std::size_t>(first + row)],
              set.labels[static_cast<std::size_t>(row)]);
    for (int f = 0; f < set.columns(); ++f)
      ASSERT_EQ(samples.value(first + row, f), set.features(row, f)) << row << ", " << f;
  }
}

TEST(Samples, HoldTrainAndTestRowByRow) {
  auto const train = dataset(pixels(300, 7));  // more than a block of the transposition
  auto const test = dataset(pixels(5, 7).array() + 3);
  auto const samples = Samples::pack(train, &test);
  EXPECT_EQ(samples.rows(), 300);
  EXPECT_EQ(samples.test_rows(), 5);
  EXPECT_EQ(samples.all_rows(), 305);
  EXPECT_EQ(samples.columns(), 7);
  EXPECT_EQ(samples.classes(), 3);
  EXPECT_EQ(samples.shape(), (SampleShape{7, 1, 1}));
  EXPECT_FALSE(samples.is_image());
  expect_rows(samples, 0, train);
  expect_rows(samples, 300, test);
  samples.visit([&](auto const* values) {
    EXPECT_EQ(static_cast<float>(values[8]), train.features(1, 1)) << "row-major";
  });
}

TEST(Samples, TakeAByteForAPixelAndAFloatForAnythingElse) {
  EXPECT_EQ(Samples::pack(dataset(pixels(40, 10))).element(), Samples::Element::u8);
  for (auto const odd : {0.5f, -1.0f, 256.0f, 1e30f}) {
    auto set = dataset(pixels(40, 10));
    set.features(39, 9) = odd;
    auto const samples = Samples::pack(set);
    EXPECT_EQ(samples.element(), Samples::Element::f32) << odd;
    expect_rows(samples, 0, set);
  }
  auto const whole = dataset(pixels(40, 10));
  auto test = dataset(pixels(2, 10));
  test.features(0, 0) = 0.5f;
  EXPECT_EQ(Samples::pack(whole, &test).element(), Samples::Element::f32);
}

TEST(Samples, AreTheSameSeenThroughACopyOfTheirBytes) {
  auto const set = dataset(pixels(20, 6));
  auto const packed = Samples::pack(set);
  std::vector<std::uint64_t> memory((packed.bytes().size() + 7) / 8);
  std::memcpy(memory.data(), packed.bytes().data(), packed.bytes().size());
  std::span const copy{reinterpret_cast<std::byte const*>(memory.data()), packed.bytes().size()};
  expect_rows(Samples::view(copy, nullptr), 0, set);
  auto const again = Samples::pack(set);
  EXPECT_TRUE(std::ranges::equal(packed.bytes(), again.bytes())) << "equal data, equal bytes";
}

TEST(Samples, OfDamagedBytesAreRefused) {
  auto const packed = Samples::pack(dataset(pixels(20, 6)));
  std::vector<std::byte> const good{packed.bytes().begin(), packed.bytes().end()};
  EXPECT_THROW(Samples::view(std::span{good}.first(good.size() - 64), nullptr), DataError);
  EXPECT_THROW(Samples::view(std::span{good}.first(8), nullptr), DataError);
  for (std::size_t i = 0; i < 16; ++i) {
    auto bad = good;
    if (i >= 12) continue;  // the number of classes may be anything
    bad[i] ^= std::byte{0x55};
    EXPECT_THROW(Samples::view(bad, nullptr), DataError) << i;
  }
}

TEST(Samples, KnowWhatIsAnImage) {
  auto const loaded = load(digits(), 1);
  auto const samples = Samples::pack(loaded.train, &*loaded.test);
  EXPECT_TRUE(samples.is_image());
  EXPECT_EQ(samples.shape(), (SampleShape{1, 28, 28}));
  EXPECT_EQ(samples.element(), Samples::Element::u8);
  auto const dropped = load(digits({"pixel3"}), 1);
  EXPECT_EQ(Samples::pack(dropped.train).shape(), (SampleShape{783, 1, 1}));
}

TEST(Samples, ShapeSurvivesAnHdf5File) {
  test::Folder const folder;
  auto const path = folder.path() / "digits.h5";
  auto const images = load(digits(), 1).train;
  write_hdf5(path, images);
  EXPECT_EQ(read_hdf5(path).image, images.image);
  auto const table = dataset(pixels(4, 3));
  write_hdf5(path, table);
  EXPECT_FALSE(read_hdf5(path).image.has_value());
}

TEST(Samples, WithoutLabelsOrWithAnotherTestSetAreRefused) {
  auto set = dataset(pixels(4, 3));
  auto const other = dataset(pixels(4, 5));
  EXPECT_THROW(Samples::pack(set, &other), DataError);
  set.labels.clear();
  EXPECT_THROW(Samples::pack(set), DataError);
  auto const unlabelled = Samples::pack_unlabelled(set);
  EXPECT_TRUE(unlabelled.labels().empty());
  EXPECT_EQ(unlabelled.value(2, 1), set.features(2, 1));
}

}  // namespace
}  // namespace canopy::data
