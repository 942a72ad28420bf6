#include <optional>

#include <gtest/gtest.h>

#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/patience.hpp"
#include "canopy/core/clock.hpp"

#include "support/aside.hpp"

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

/// Too long for MPI to send before the other side asks for it.
std::vector<std::string> a_long_message() {
  return {std::string(20'000'000, 'x')};
}

TEST(Mailbox, AMessageWhoseSenderIsAwayIsNotWaitedFor) {
  Mailbox mailbox{Communicator::world().duplicate()};
  auto const& comm = mailbox.comm();
  test::Aside looked{comm};
  if (comm.rank().value == 1) {
    mailbox.post<Words>(Communicator::root, a_long_message());
    looked.await(1);
  } else if (comm.is_root() && comm.size() > 1) {
    std::optional<Received<Words::Payload>> message;
    for (Stopwatch const clock; !message && clock.seconds() < 0.3;) message = mailbox.take<Words>();
    looked.come();
    for (Patience patience; !message; patience.rest()) message = mailbox.take<Words>();
    EXPECT_EQ(message->payload, a_long_message());
  }
  while (!mailbox.all_sent()) {
  }
  comm.barrier();
}

TEST(Mailbox, ShortMessagesDoNotOvertakeALongOneOfTheSameSender) {
  Mailbox mailbox{Communicator::world().duplicate()};
  auto const& comm = mailbox.comm();
  mailbox.post<Words>(Communicator::root, a_long_message());
  mailbox.post<Words>(Communicator::root, {"short"});
  std::vector<std::size_t> heard(static_cast<std::size_t>(comm.size()), 0);
  for (int i = 0; comm.is_root() && i < 2 * comm.size(); ++i) {
    auto const [from, words] = next<Words>(mailbox);
    auto& before = heard[static_cast<std::size_t>(from.value)];
    EXPECT_EQ(words[0].size(), before == 0 ? a_long_message()[0].size() : 5);
    ++before;
  }
  while (!mailbox.all_sent()) {
  }
  comm.barrier();
}

}  // namespace
}  // namespace canopy::comm
