#include <gtest/gtest.h>

#include "canopy/core/digest.hpp"

namespace canopy {
namespace {

TEST(Digest, Sha256GivesTheKnownAnswers) {  // FIPS 180-4, example "abc"; and the empty message
  Sha256 hash;
  EXPECT_EQ(hash.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.add("a", 1);
  EXPECT_NE(hash.hex(), Sha256{}.hex());
  hash.add("bc", 2);
  EXPECT_EQ(hash.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
      << "asking in between changes nothing";
}

TEST(Digest, Crc32GivesTheKnownAnswer) {
  EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(crc32(""), 0u);
}

}  // namespace
}  // namespace canopy
