#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <mpi.h>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/pulse.hpp"

namespace canopy::comm {

/// Names one stream of messages between two ranks, such as activations or their gradients. A type
/// of its own, declared once where both ends can see it: `constexpr Lane activations{1};`.
struct Lane {
  int tag = 0;
  friend auto operator<=>(Lane, Lane) = default;
};

/// The receiving end of a stream of equally long messages of floats. Every buffer has its receive
/// posted beforehand, so that a message of any size finds its place and its sender is not held up.
/// Messages come in the order sent and use the buffers in turn:
///
///     auto const x = inlet.take();  ...compute from x...  inlet.release();
class Inlet {
 public:
  /// The buffers (of equal size) are the caller's and must outlive the inlet. `what` tells in
  /// errors what was going on, "receiving activations from stage 1". The communicator is the pipes'
  /// own, with one lane for each stream between two ranks; a second pipe on a lane needs a new one,
  /// as the receives of the first may still be posted. `pulse`, which outlives the inlet, says
  /// whether the sender is lost, and LostPeer then names it by its number there.
  Inlet(Communicator comm, Rank from, Lane lane, std::vector<std::span<float>> buffers,
        std::string what, Pulse& pulse);
  Inlet(Inlet const&) = delete;
  Inlet& operator=(Inlet const&) = delete;
  ~Inlet();  ///< calls off the receives that are still posted

  /// Whether the next message is here; moves messages on without waiting.
  bool poll();
  /// The next message; waits for it, or throws LostPeer. Valid until released.
  std::span<float> take();
  /// The oldest message taken is not needed any more: its buffer waits for another one.
  void release();

 private:
  Communicator comm_;
  std::string what_;
  Pulse& pulse_;
  Rank from_;  ///< in the pulse
  std::vector<std::span<float>> buffers_;
  std::vector<MPI_Request> requests_;
  std::size_t taken_ = 0;     ///< messages handed out so far
  std::size_t released_ = 0;  ///< of them given back
  bool here_ = false;         ///< the next message has arrived
};

/// The sending end. Messages leave from the caller's buffers, used in turn, while it goes on:
///
///     auto const y = outlet.next();  ...write y...  outlet.send();
class Outlet {
 public:
  Outlet(Communicator comm, Rank to, Lane lane, std::vector<std::span<float>> buffers,
         std::string what, Pulse& pulse);
  Outlet(Outlet const&) = delete;
  Outlet& operator=(Outlet const&) = delete;
  ~Outlet();  ///< what has not left by then may be lost: `wait` first

  /// The next buffer to fill; waits until the message it held before has left, or throws LostPeer.
  std::span<float> next();
  /// Sends the buffer that `next` gave; returns at once.
  void send();
  /// Moves messages on without waiting; true when everything has left.
  bool poll();
  /// Until everything has left.
  void wait();

 private:
  void wait_until_left(std::size_t messages);

  Communicator comm_;
  std::string what_;
  Pulse& pulse_;
  Rank to_;  ///< in the pulse
  std::vector<std::span<float>> buffers_;
  std::vector<MPI_Request> requests_;
  std::size_t sent_ = 0;  ///< messages handed over so far
  std::size_t left_ = 0;  ///< of them gone
};

}  // namespace canopy::comm
