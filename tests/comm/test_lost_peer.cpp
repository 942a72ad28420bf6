#include <gmock/gmock.h>

#include "canopy/comm/lost_peer.hpp"

namespace canopy::comm {
namespace {

TEST(LostPeer, NamesWhoAndWhatAndHowLongAndARemedy) {
  LostPeer const lost{Rank{3}, "sum of bucket 2", 10};
  EXPECT_EQ(lost.peer, Rank{3});
  for (auto const* part : {"rank 3 ", "10 s", "sum of bucket 2", "resume from the last checkpoint"})
    EXPECT_THAT(lost.what(), testing::HasSubstr(part));
  EXPECT_THAT((LostPeer{Rank{0}, "x", 0.25}.what()), testing::HasSubstr("0.25 s"));
}

}  // namespace
}  // namespace canopy::comm
