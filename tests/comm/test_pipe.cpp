#include <chrono>
#include <memory>
#include <numeric>
#include <thread>

#include <gtest/gtest.h>

#include "canopy/comm/pipe.hpp"
#include "canopy/core/random.hpp"

#include "support/allocations.hpp"
#include "support/aside.hpp"

namespace canopy::comm {
namespace {

constexpr Lane activations{1};
constexpr Lane gradients{2};
constexpr std::size_t large = 100'000;  // far beyond what MPI sends without asking

/// Buffers of one end of a pipe.
struct Buffers {
  Buffers(std::size_t count, std::size_t size) : floats(count, std::vector<float>(size)) {}
  std::vector<std::span<float>> spans() { return {floats.begin(), floats.end()}; }
  std::vector<std::vector<float>> floats;
};

void fill(std::span<float> floats, int from, int message) {
  std::iota(floats.begin(), floats.end(), static_cast<float>(100 * from + message));
}

bool holds(std::span<float const> floats, int from, int message) {
  for (std::size_t i = 0; i < floats.size(); ++i)
    if (floats[i] != static_cast<float>(100 * from + message) + static_cast<float>(i)) return false;
  return true;
}

/// Both directions between neighbours in a circle: more messages than buffers, each end at its own
/// pace, all sends before any receive as far as buffers go.
void pass_around(std::size_t size, std::size_t depth) {
  auto const comm = Communicator::world().duplicate();
  Pulse pulse{comm};
  auto const me = comm.rank().value;
  auto const ahead = (me + 1) % comm.size();
  auto const behind = (me + comm.size() - 1) % comm.size();
  constexpr int messages = 7;
  Buffers from_behind{depth, size}, to_ahead{depth, size}, from_ahead{depth, size},
      to_behind{depth, size};
  Inlet forward_in{comm, {behind}, activations, from_behind.spans(), "receiving activations",
                   pulse};
  Inlet backward_in{comm, {ahead}, gradients, from_ahead.spans(), "receiving gradients", pulse};
  Outlet forward_out{comm, {ahead}, activations, to_ahead.spans(), "sending activations", pulse};
  Outlet backward_out{comm, {behind}, gradients, to_behind.spans(), "sending gradients", pulse};
  Stream delays{Key{3}.with(static_cast<std::uint64_t>(me))};
  auto const before = allocations();
  for (int message = 0; message < messages; ++message) {
    fill(forward_out.next(), me, message);
    forward_out.send();
    fill(backward_out.next(), me, -message);
    backward_out.send();
    std::this_thread::sleep_for(std::chrono::microseconds{delays.below(2000)});
    forward_in.poll();
    EXPECT_TRUE(holds(forward_in.take(), behind, message));
    EXPECT_TRUE(holds(backward_in.take(), ahead, -message));
    forward_in.release();
    backward_in.release();
  }
  forward_out.wait();
  backward_out.wait();
  EXPECT_EQ(allocations(), before);
  comm.barrier();
}

TEST(Pipe, NeighboursPassSmallAndLargeMessagesWithoutDeadlock) {
  for (std::size_t const size : {std::size_t{1}, std::size_t{1000}, large})
    for (std::size_t const depth : {1u, 2u, 4u}) pass_around(size, depth);
}

TEST(Pipe, SendingDoesNotWaitForAReceiverThatIsBusy) {
  auto const comm = Communicator::world().duplicate();
  if (comm.size() == 1) return;
  Pulse pulse{comm};
  test::Aside sent{comm};
  Buffers buffers{3, large};
  if (comm.is_root()) {
    Outlet out{comm, {1}, activations, buffers.spans(), "sending activations", pulse};
    for (int message = 0; message < 3; ++message) {
      fill(out.next(), 0, message);
      out.send();
    }
    sent.come();
    out.wait();
    EXPECT_TRUE(out.poll());
  } else if (comm.rank() == Rank{1}) {
    Inlet in{comm, {0}, activations, buffers.spans(), "receiving activations", pulse};
    sent.await(1);
    for (int message = 0; message < 3; ++message)  // all are kept: none is released
      EXPECT_TRUE(holds(in.take(), 0, message));
    for (int message = 0; message < 3; ++message) in.release();
  }
  comm.barrier();
}

TEST(Pipe, NamesANeighbourThatDoesNotAnswer) {
  auto const comm = Communicator::world().duplicate();
  if (comm.size() == 1) return;
  Pulse pulse{comm, 0.3};
  Pulse later{comm};
  Buffers buffers{1, large};
  if (comm.is_root()) {
    Inlet in{comm, {1}, activations, buffers.spans(), "receiving activations from stage 1", pulse};
    EXPECT_FALSE(in.poll());
    try {
      in.take();
      FAIL() << "nothing was thrown";
    } catch (LostPeer const& e) {
      EXPECT_EQ(e.peer, Rank{1});
      EXPECT_EQ(std::string{e.what()}.find("rank 1 has not answered for 0.3 s (receiving "
                                           "activations from stage 1)"),
                0u)
          << e.what();
    }
    Outlet out{comm, {1}, gradients, buffers.spans(), "sending gradients", pulse};
    out.next();
    out.send();
    EXPECT_THROW(out.next(), LostPeer);
  }
  comm.barrier();
  if (comm.rank() == Rank{1}) {  // what was sent is taken after all, so that nothing is left behind
    Inlet in{comm, {0}, gradients, buffers.spans(), "receiving gradients", later};
    in.take();
  }
  comm.barrier();
}

}  // namespace
}  // namespace canopy::comm
