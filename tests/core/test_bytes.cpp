#include <gtest/gtest.h>

#include "canopy/core/bytes.hpp"

namespace canopy {
namespace {

/// Something of every kind that can travel.
struct Parcel {
  int number = 0;
  std::string word;
  std::vector<double> reals;
  std::vector<std::string> words;
  std::vector<std::pair<std::string, std::string>> pairs;
  std::map<std::string, std::int64_t> map;
  std::variant<std::int64_t, double, std::string> either;
  NamedArrays arrays;

  template <class Archive>
  void fields(Archive& archive) {
    archive(number, word, reals, words, pairs, map, either, arrays);
  }
  friend bool operator==(Parcel const&, Parcel const&) = default;
};

Parcel example() {
  Parcel parcel{-7,
                std::string{"a\0b", 3},
                {0.1, -0.0},
                {"", "x"},
                {{"k", "v"}, {"", ""}},
                {{"one", 1}, {"two", 2}},
                std::string{"text"},
                {}};
  parcel.arrays.put("x", std::vector<std::uint16_t>{1, 2, 3, 4}, {2, 2});
  parcel.arrays.put("names", std::vector<std::string>{"p", "q"});
  parcel.arrays.set_attribute("n", std::int64_t{5});
  parcel.arrays.set_attribute("r", 0.5);
  return parcel;
}

TEST(Bytes, RoundTrip) {
  EXPECT_EQ(from_bytes<Parcel>(to_bytes(example())), example());
  EXPECT_EQ(from_bytes<Parcel>(to_bytes(Parcel{})), Parcel{});
}

TEST(Bytes, SeveralValuesFollowEachOther) {
  ByteWriter writer;
  writer(1, std::string{"two"}, 3.0);
  auto const bytes = writer.take();
  ByteReader reader{bytes};
  int one = 0;
  std::string two;
  reader(one, two);
  EXPECT_FALSE(reader.done());
  double three = 0;
  reader(three);
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(one, 1);
  EXPECT_EQ(two, "two");
  EXPECT_EQ(three, 3.0);
}

TEST(Bytes, EveryTruncationThrows) {
  auto const whole = to_bytes(example());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Bytes const cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THROW(from_bytes<Parcel>(cut), std::runtime_error) << size;
  }
}

TEST(Bytes, AnAbsurdLengthThrowsInsteadOfAllocating) {
  auto const bytes = to_bytes(~std::size_t{0} / 2);
  EXPECT_THROW(from_bytes<std::string>(bytes), std::runtime_error);
  EXPECT_THROW(from_bytes<std::vector<double>>(bytes), std::runtime_error);
  EXPECT_THROW(from_bytes<std::vector<std::string>>(bytes), std::runtime_error);
  EXPECT_THROW((from_bytes<std::variant<int, double>>(bytes)), std::runtime_error);
}

}  // namespace
}  // namespace canopy
