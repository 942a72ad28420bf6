#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "canopy/core/random.hpp"

#include "reduce/half.hpp"

namespace canopy::comm {
namespace {

TEST(Half, EveryHalfSurvivesTheWayThereAndBack) {
  for (std::uint32_t bits = 0; bits < 0x1'0000u; ++bits) {
    auto const half = static_cast<std::uint16_t>(bits);
    auto const number = portable_float(half);
    if (std::isnan(number)) {
      EXPECT_TRUE(std::isnan(portable_float(portable_half(number))));
    } else {
      ASSERT_EQ(portable_half(number), half);
    }
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  for (std::uint32_t bits = 0; bits < 0x7bffu; ++bits) {
    auto const low = portable_float(static_cast<std::uint16_t>(bits));
    auto const high = portable_float(static_cast<std::uint16_t>(bits + 1));
    auto const middle = (low + high) / 2;  // exact: floats have bits to spare
    auto const even = static_cast<std::uint16_t>(bits + (bits & 1u));
    ASSERT_EQ(portable_half(middle), even) << middle;
    ASSERT_EQ(portable_half(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(portable_half(std::nextafter(middle, 1e9f)), bits + 1);
    ASSERT_EQ(portable_half(-middle), even | 0x8000u);
  }
}

TEST(Half, KnowsItsLimits) {
  auto const infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(portable_half(65504), 0x7bff);
  EXPECT_EQ(portable_half(65519.996f), 0x7bff);
  EXPECT_EQ(portable_half(65520), 0x7c00) << "the tie goes to even, which is infinity";
  EXPECT_EQ(portable_half(3e38f), 0x7c00);
  EXPECT_EQ(portable_half(-infinity), 0xfc00);
  EXPECT_EQ(portable_half(0x1p-24f), 1) << "the smallest";
  EXPECT_EQ(portable_half(0x1p-25f), 0) << "half of it: to even";
  EXPECT_EQ(portable_half(1e-30f), 0);
  EXPECT_TRUE(std::isnan(portable_float(portable_half(std::nanf("")))));
}

TEST(Half, ArraysAreConvertedAsTheNumbersAre) {
  Stream stream{Key{1}};
  std::vector<float> floats;
  for (int i = 0; i < 100'003; ++i) {
    auto const number = std::bit_cast<float>(stream());
    if (!std::isnan(number)) floats.push_back(number);
    floats.push_back(static_cast<float>(stream.normal()) *
                     std::ldexp(1.0f, static_cast<int>(stream.below(48)) - 28));
  }
  std::vector<std::uint16_t> halves(floats.size());
  std::vector<float> back(floats.size());
  to_half(floats.data(), halves.data(), floats.size());
  from_half(halves.data(), back.data(), halves.size());
  for (std::size_t i = 0; i < floats.size(); ++i) {
    ASSERT_EQ(halves[i], portable_half(floats[i])) << floats[i];
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back[i]),
              std::bit_cast<std::uint32_t>(portable_float(halves[i])));
  }
}

}  // namespace
}  // namespace canopy::comm
