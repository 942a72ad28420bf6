#include <gtest/gtest.h>

#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/patience.hpp"

namespace canopy::comm {
namespace {

using Words = Channel<std::vector<std::string>, 11>;
using Number = Channel<int, 12>;
static_assert(distinct_tags<Words, Number>());
static_assert(!distinct_tags<Words, Channel<double, 11>>());

template <class C>
Received<typename C::Payload> next(Mailbox& mailbox) {
  for (Patience patience;; patience.rest())
    if (auto message = mailbox.take<C>()) return std::move(*message);
}

TEST(Mailbox, CarriesTypedMessagesToOneselfAndOthers) {
  Mailbox mailbox{Communicator::world().duplicate()};
  auto const& comm = mailbox.comm();
  for (int r = 0; r < comm.size(); ++r)
    mailbox.post<Words>({r}, {"from", std::to_string(comm.rank().value)});
  std::vector<int> seen(static_cast<std::size_t>(comm.size()), 0);
  for (int r = 0; r < comm.size(); ++r) {
    auto const [from, words] = next<Words>(mailbox);
    EXPECT_EQ(words, (std::vector<std::string>{"from", std::to_string(from.value)}));
    ++seen[static_cast<std::size_t>(from.value)];
  }
  EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
  while (!mailbox.all_sent()) {
  }
  EXPECT_GT(mailbox.bytes_sent(), 0u);
  comm.barrier();
}

TEST(Mailbox, ChannelsDoNotMixAndTakingNeverWaits) {
  Mailbox mailbox{Communicator::world().duplicate()};
  EXPECT_FALSE(mailbox.take<Number>().has_value());
  mailbox.post<Number>(mailbox.comm().rank(), 42);
  EXPECT_FALSE(mailbox.take<Words>().has_value());
  EXPECT_EQ(next<Number>(mailbox).payload, 42);
}

}  // namespace
}  // namespace canopy::comm
