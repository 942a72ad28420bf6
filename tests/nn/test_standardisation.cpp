#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "canopy/core/error.hpp"
#include "canopy/nn/standardisation.hpp"

namespace canopy::nn::test {
namespace {

template <class Element>
RowsView<Element> view(std::vector<Element> const& values, int columns, int stride = 0) {
  if (stride == 0) stride = columns;
  return {values.data(), static_cast<std::int64_t>(values.size()) / stride, columns, stride};
}

TEST(Standardisation, IsByColumnForATable) {
  std::vector<float> const values{1, 5, 7, /**/ 3, 5, 9, /**/ 100, 5, 100};
  std::vector<std::uint32_t> const rows{0, 1};
  auto const s = Standardisation::fit(view(values, 3), rows, {3, 1, 1});
  EXPECT_THAT(s.mean, testing::ElementsAre(2, 5, 8));
  EXPECT_THAT(s.inverse_deviation, testing::ElementsAre(1, 0, 1));
}

TEST(Standardisation, IsByChannelForImages) {
  std::vector<std::uint8_t> const values{0, 2, 4, 6, 10, 10, 30, 30};
  std::vector<std::uint32_t> const rows{0};
  auto const s = Standardisation::fit(view(values, 8), rows, {2, 2, 2});
  EXPECT_THAT(s.mean, testing::ElementsAre(3, 20));
  EXPECT_DOUBLE_EQ(s.inverse_deviation[0], 1 / std::sqrt(5.0));
  EXPECT_DOUBLE_EQ(s.inverse_deviation[1], 0.1);
}

TEST(Standardisation, OfAFarAwayColumnIsExactAndOfAConstantOneIsZero) {
  std::vector<float> values;
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    values.push_back(1e7f + static_cast<float>(i % 2));
    values.push_back(0.1f);
    rows.push_back(i);
  }
  auto const s = Standardisation::fit(view(values, 2), rows, {2, 1, 1});
  EXPECT_NEAR(s.inverse_deviation[0], 2, 1e-9);
  EXPECT_EQ(s.inverse_deviation[1], 0);
}

TEST(Standardisation, RefusesNoRowsStrangeShapesAndNumbersThatAreNone) {
  std::vector<float> const values{1, std::numeric_limits<float>::infinity()};
  std::vector<std::uint32_t> const rows{0, 1};
  EXPECT_THROW(Standardisation::fit(view(values, 1), {}, {1, 1, 1}), DataError);
  EXPECT_THROW(Standardisation::fit(view(values, 1), rows, {2, 1, 1}), DataError);
  EXPECT_THROW(Standardisation::fit(view(values, 1), rows, {1, 1, 1}), DataError);
  EXPECT_THROW((Gather{{3, 1, 1}, Standardisation::none({2, 1, 1})}), DataError);
}

template <class Element, class T>
void check_gather(int columns, int rows, int stride) {
  std::vector<Element> values(static_cast<std::size_t>(40 * stride));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Element>(i * 37 % 251);
  Standardisation s;
  for (int c = 0; c < columns; ++c) {
    s.mean.push_back(c);
    s.inverse_deviation.push_back(0.5 + c);
  }
  std::vector<std::uint32_t> chosen;
  for (int i = 0; i < rows; ++i) chosen.push_back(static_cast<std::uint32_t>(i * 7 % 40));
  auto const blocks = (rows + 15) / 16;
  std::vector<T> input(static_cast<std::size_t>(blocks * 16 * columns), T{-1});
  Gather const gather{{columns, 1, 1}, s};
  gather(view(values, columns, stride), chosen, std::span{input});
  for (int row = 0; row < blocks * 16; ++row)
    for (int c = 0; c < columns; ++c) {
      auto const got = input[static_cast<std::size_t>((row / 16 * columns + c) * 16 + row % 16)];
      if (row >= rows) {
        ASSERT_EQ(got, 0);
        continue;
      }
      auto const value =
          values[chosen[static_cast<std::size_t>(row)] * static_cast<std::size_t>(stride) +
                 static_cast<std::size_t>(c)];
      ASSERT_FLOAT_EQ(static_cast<float>(got), (static_cast<float>(value) - static_cast<float>(c)) *
                                                   (0.5f + static_cast<float>(c)));
    }
}

TEST(Gather, PutsStandardisedRowsIntoLanes) {
  for (int columns : {1, 15, 16, 17, 54})
    for (int rows : {1, 16, 21}) {
      check_gather<float, float>(columns, rows, columns);
      check_gather<std::uint8_t, float>(columns, rows, columns + 3);
      check_gather<float, double>(columns, rows, columns + 1);
    }
}

}  // namespace
}  // namespace canopy::nn::test
