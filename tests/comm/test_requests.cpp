#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "canopy/comm/requests.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

enum Kind : std::int64_t { push, pull, leave };

/// The last rank serves a vector to which all others add, until all have left.
void serve(RequestServer& server, int clients, std::size_t size) {
  std::vector<float> total(size, 0.0f), arrived(size);
  std::vector<std::vector<float>> answers(static_cast<std::size_t>(clients));
  std::int64_t pushes = 0;
  for (int left = 0; left < clients;) {
    auto const request = server.next(10);
    ASSERT_TRUE(request.has_value());
    switch (request->kind) {
      case push:
        ASSERT_EQ(request->floats, size);
        server.receive(*request, arrived);
        for (std::size_t i = 0; i < size; ++i) total[i] += arrived[i];
        ++pushes;
        break;
      case pull: {
        auto& answer = answers[static_cast<std::size_t>(request->from.value)];
        server.wait(request->from);
        answer = total;
        server.answer(request->from, pushes, answer);
        break;
      }
      default:
        ++left;
    }
  }
  server.wait();
  EXPECT_EQ(total[size / 2], static_cast<float>(5 * clients));
}

void work(RequestClient& client, Rank server, std::size_t size) {
  std::vector<float> const ones(size, 1.0f);
  std::vector<float> total(size);
  std::int64_t seen = 0;
  for (int step = 1; step <= 5; ++step) {
    client.send(server, push, step, ones);
    client.expect(server, total);
    client.send(server, pull, step, {});
    client.wait();
    // The number of pushes the server had seen is what it then had in every place.
    EXPECT_GE(client.number(server), std::max<std::int64_t>(seen + 1, step));
    seen = client.number(server);
    EXPECT_EQ(total.front(), static_cast<float>(seen));
    EXPECT_EQ(total.back(), static_cast<float>(seen));
  }
  client.send(server, leave, 0, {});
  client.wait();
}

TEST(Requests, AServerAddsUpWhatClientsPush) {
  auto const comm = Communicator::world().duplicate();
  if (comm.size() == 1) return;
  Rank const server{comm.size() - 1};
  for (std::size_t const size : {std::size_t{1}, std::size_t{100'000}}) {
    if (comm.rank() == server) {
      RequestServer serving{comm};
      serve(serving, comm.size() - 1, size);
    } else {
      RequestClient client{comm};
      work(client, server, size);
    }
    comm.barrier();
  }
}

TEST(Requests, ARankAloneMayAskItself) {
  auto const comm = Communicator::world().split(Communicator::world().rank().value);
  RequestServer server{comm};
  RequestClient client{comm};
  EXPECT_FALSE(server.next(0).has_value());
  std::vector<float> const out{1, 2, 3};
  std::vector<float> in(3), back(2);
  client.expect({0}, back);
  client.send({0}, push, 42, out);
  EXPECT_FALSE(client.poll());
  auto const request = server.next(1);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->from, Rank{0});
  EXPECT_EQ(request->kind, push);
  EXPECT_EQ(request->number, 42);
  server.receive(*request, in);
  EXPECT_EQ(in, out);
  server.answer({0}, 43, std::vector<float>{4, 5});
  client.wait();
  server.wait();
  EXPECT_EQ(back, (std::vector<float>{4, 5}));
  EXPECT_EQ(client.number({0}), 43);
}

TEST(Requests, AnIdleServerUsesLittleOfItsCore) {
  auto const comm = Communicator::world().duplicate();
  RequestServer server{comm};
  auto const cpu = thread_cpu_seconds();
  Stopwatch const clock;
  EXPECT_FALSE(server.next(0.5).has_value());
  EXPECT_GE(clock.seconds(), 0.5);
  EXPECT_LT(thread_cpu_seconds() - cpu, 0.1);
  comm.barrier();
}

TEST(Requests, AServerThatDoesNotAnswerIsNamed) {
  auto const comm = Communicator::world().duplicate();
  if (comm.size() == 1) return;
  if (comm.is_root()) {
    RequestClient client{comm, 0.3};
    std::vector<float> into(10);
    client.expect({1}, into);
    client.send({1}, pull, 0, {});
    try {
      client.wait();
      FAIL() << "nothing was thrown";
    } catch (LostPeer const& e) {
      EXPECT_EQ(e.peer, Rank{1});
    }
  }
  comm.barrier();
}

}  // namespace
}  // namespace canopy::comm
