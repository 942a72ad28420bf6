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
/// when it pleases. Waits without burning a core. A rank may be server and client at once. The
/// communicator is for requests only; rank numbers are its own.
class RequestServer {
 public:
  explicit RequestServer(Communicator comm, double timeout = 10);
  RequestServer(RequestServer const&) = delete;
  RequestServer& operator=(RequestServer const&) = delete;
  ~RequestServer();

  /// The next request from anyone, after at most `seconds` of waiting (0 takes one look). If it
  /// brings floats, `receive` them before asking for the next.
  std::optional<Request> next(double seconds);
  /// The floats of this request, straight to where they belong; throws LostPeer if they do not
  /// come.
  void receive(Request const& request, std::span<float> into);
  /// Sends the answer: `number`, and as many floats as the client expects, which must stay as they
  /// are until `has_left(to)`. One answer per client at a time.
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

/// The asking side, towards any number of servers, one request to each at a time.
class RequestClient {
 public:
  explicit RequestClient(Communicator comm, double timeout = 10);
  RequestClient(RequestClient const&) = delete;
  RequestClient& operator=(RequestClient const&) = delete;
  ~RequestClient();

  /// Sends a request; returns at once, unless the one before to this server has not left yet.
  /// `floats` must stay as they are until `poll` says true.
  void send(Rank server, std::int64_t kind, std::int64_t number, std::span<float const> floats);
  /// Awaits the server's next answer, of exactly as many floats; best called before `send`.
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
    std::int64_t number = 0;    ///< of the answer
    MPI_Request sends[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    MPI_Request receives[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  };
  bool has_left(Exchange& exchange);
  bool is_answered(Exchange& exchange);

  Communicator comm_;
  double timeout_;
  std::vector<Exchange> exchanges_;  ///< by server
};

}  // namespace canopy::comm
