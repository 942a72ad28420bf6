#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <mpi.h>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/lost_peer.hpp"

namespace canopy::comm {

/// What a client asks of a server: numbers whose meaning is the caller's, and floats that follow.
struct Request {
  Rank from;
  std::int64_t kind = 0;    ///< push, pull, ...
  std::int64_t number = 0;  ///< a clock, a step, ...
  std::size_t floats = 0;   ///< how many floats come with it
};

/// The serving side: takes requests from whoever speaks, oldest of each client first, and answers
/// when it pleases. Waits without burning a core. Everything is on a communicator of its own.
class RequestServer {
 public:
  /// Collective with the clients' constructors. Each client has at most one answer on its way.
  explicit RequestServer(Communicator const& comm, double timeout = 10);
  RequestServer(RequestServer const&) = delete;
  RequestServer& operator=(RequestServer const&) = delete;
  ~RequestServer();

  /// The next request from anyone, after at most `seconds` of waiting (0 takes one look). If it
  /// brings floats, `receive` them before asking for the next.
  std::optional<Request> next(double seconds);
  /// The floats of this request, straight to where they belong; throws LostPeer if they do not
  /// come.
  void receive(Request const& request, std::span<float> into);
  /// Sends the answer: `number` and floats, which must stay as they are until `has_left(to)`.
  void answer(Rank to, std::int64_t number, std::span<float const> floats);
  bool has_left(Rank to);
  /// Until the client has its answer, or all have; throws LostPeer.
  void wait(Rank to);
  void wait();

 private:
  struct Answer {
    std::int64_t number = 0;
    MPI_Request head = MPI_REQUEST_NULL;
    MPI_Request body = MPI_REQUEST_NULL;
  };
  Communicator comm_;
  double timeout_;
  std::vector<Answer> answers_;  ///< by client
};

/// The asking side, towards one server. One request with an answer at a time; those without may
/// follow each other as soon as the last one has left.
class RequestClient {
 public:
  RequestClient(Communicator const& comm, double timeout = 10);
  RequestClient(RequestClient const&) = delete;
  RequestClient& operator=(RequestClient const&) = delete;
  ~RequestClient();

  /// Sends a request; returns at once. `floats` must stay as they are until `poll` says so.
  void send(Rank server, std::int64_t kind, std::int64_t number, std::span<float const> floats);
  /// Expects the answer of `server` in `into`; to be called before or after `send`.
  void expect(Rank server, std::span<float> into);
  /// Moves messages on without waiting; true when requests have left and answers are here.
  bool poll();
  /// Until then; throws LostPeer naming the server.
  void wait();
  /// The number that came with the last answer of this server.
  std::int64_t number(Rank server) const;

 private:
  struct Exchange {
    std::int64_t head[3] = {};  ///< kind, number, floats
    std::int64_t number = 0;
    MPI_Request sends[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    MPI_Request receives[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  };
  Communicator comm_;
  double timeout_;
  std::vector<Exchange> exchanges_;  ///< by server
};

}  // namespace canopy::comm
