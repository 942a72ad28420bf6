#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "canopy/core/random.hpp"
#include "canopy/core/text.hpp"

namespace canopy::text {
namespace {

using Words = std::vector<std::string>;

TEST(Text, ShortestReadsBackAsTheSameBits) {
  Stream stream{Key{1}.with("doubles")};
  for (int i = 0; i < 10'000; ++i) {
    auto const value = std::bit_cast<double>(stream.next64());
    if (!std::isfinite(value)) continue;
    auto const read = to_double(shortest(value));
    ASSERT_TRUE(read.has_value()) << shortest(value);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*read), std::bit_cast<std::uint64_t>(value));
  }
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(shortest(3), "3");
  EXPECT_EQ(shortest(1e20), "1e+20");
  EXPECT_EQ(shortest(std::nan("")), "");
}

TEST(Text, NumbersAreTheWholeWord) {
  EXPECT_EQ(to_double("+1.5e3"), 1500.0);
  EXPECT_EQ(to_int("-12"), -12);
  for (auto const* word : {"", " 1", "1 ", "1x", "0x10", "1,5", "+", "1e999"})
    EXPECT_FALSE(to_double(word).has_value()) << word;
  for (auto const* word : {"", "1.0", "1e3", "9223372036854775808"})
    EXPECT_FALSE(to_int(word).has_value()) << word;
}

TEST(Text, SplitsJoinsAndTrims) {
  EXPECT_EQ(split("a,,b,", ','), (Words{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), Words{""});
  EXPECT_EQ(join(Words{"a", "b"}, ", "), "a, b");
  EXPECT_EQ(join(Words{}, ", "), "");
  EXPECT_EQ(trim(" \ta b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(lower("GiNi"), "gini");
  EXPECT_EQ(replace_all("a_b_c", '_', '-'), "a-b-c");
}

TEST(Text, SuggestsSlipsOfTheFingersOnly) {
  Words const known{"trials", "folds", "max-depth"};
  EXPECT_EQ(did_you_mean("trails", known), " (did you mean 'trials'?)");
  EXPECT_EQ(did_you_mean("max-deph", known), " (did you mean 'max-depth'?)");
  EXPECT_EQ(did_you_mean("fold", known), " (did you mean 'folds'?)");
  EXPECT_EQ(did_you_mean("flods", known), " (did you mean 'folds'?)") << "a swap is one slip";
  EXPECT_EQ(did_you_mean("criterion", known), "");
  EXPECT_EQ(did_you_mean("fsdlo", known), "");
  EXPECT_EQ(did_you_mean("x", {}), "");
  EXPECT_EQ(did_you_mean("9", Words{"a", "b"}), "");
  EXPECT_EQ(did_you_mean("TRIALS", known), " (did you mean 'trials'?)");
}

TEST(Text, WritesNumbersForPeople) {
  EXPECT_EQ(grouped(581012), "581,012");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(bytes(999), "999 B");
  EXPECT_EQ(bytes(12.34e6), "12.3 MB");
  EXPECT_EQ(duration(1.234), "1.23 s");
  EXPECT_EQ(duration(12.34), "12.3 s");
  EXPECT_EQ(duration(125), "2 min 05 s");
  EXPECT_EQ(duration(3600 * 3 + 60 * 4), "3 h 04 min");
  EXPECT_EQ(duration(std::nan("")), "?");
  EXPECT_EQ(duration(-0.001), "0.00 s") << "a clock may be behind, but no time is below 0";
  EXPECT_EQ(duration(-0.0), "0.00 s");
}

TEST(Text, ExtremesAreWritten) {
  EXPECT_EQ(grouped(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
  EXPECT_EQ(grouped(-999), "-999");
  EXPECT_EQ(duration(9.997), "10.0 s");
  EXPECT_EQ(duration(59.97), "1 min 00 s");
  EXPECT_EQ(duration(3599.7), "1 h 00 min");
}

}  // namespace
}  // namespace canopy::text
