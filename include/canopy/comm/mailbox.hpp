#pragma once

#include <cstdint>
#include <list>
#include <optional>

#include <mpi.h>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// One kind of message: its payload and its tag, declared together so that both ends agree.
template <class T, int Tag>
struct Channel {
  using Payload = T;
  static constexpr int tag = Tag;
};

/// True when no two channels of a protocol share a tag; for a static_assert beside the protocol.
template <class... Channels>
consteval bool distinct_tags() {
  constexpr int tags[] = {Channels::tag...};
  for (std::size_t i = 0; i < sizeof...(Channels); ++i)
    for (std::size_t j = i + 1; j < sizeof...(Channels); ++j)
      if (tags[i] == tags[j]) return false;
  return true;
}

template <class T>
struct Received {
  Rank from;
  T payload;
};

/// Typed messages between two ranks, none of which ever waits: sending hands over a buffer and
/// goes on, receiving says at once whether something is there, all of it. A message to a rank that
/// has died therefore hangs nobody, nor does one that its sender did not live to finish.
class Mailbox {
 public:
  explicit Mailbox(Communicator comm) : comm_{std::move(comm)} {}
  Mailbox(Mailbox const&) = delete;
  Mailbox& operator=(Mailbox const&) = delete;
  ~Mailbox();

  Communicator const& comm() const { return comm_; }

  template <class C>
  void post(Rank to, typename C::Payload const& payload) {
    post_bytes(to, C::tag, to_bytes(payload));
  }

  /// The oldest message of channel C that is here as a whole, from anyone, if there is one. Those
  /// of one sender come in the order in which it posted them.
  template <class C>
  std::optional<Received<typename C::Payload>> take() {
    auto message = take_bytes(C::tag);
    if (!message) return {};
    return Received<typename C::Payload>{message->from,
                                         from_bytes<typename C::Payload>(message->payload)};
  }

  /// Forgets messages that have left; true when none are still on their way.
  bool all_sent();

  /// Is a message here in part? The rest comes as fast as one asks.
  bool is_receiving() const { return !incoming_.empty(); }

  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  /// A message on its way, in or out.
  struct Transfer {
    Rank peer;
    int tag;
    Bytes bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  void post_bytes(Rank to, int tag, Bytes bytes);
  std::optional<Received<Bytes>> take_bytes(int tag);
  void begin_receiving(int tag);

  Communicator comm_;
  std::list<Transfer> outgoing_;
  std::list<Transfer> incoming_;  ///< oldest first
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace canopy::comm
