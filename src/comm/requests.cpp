#include "canopy/comm/requests.hpp"

#include <cassert>

#include <fmt/format.h>

#include "canopy/core/clock.hpp"

#include "mpi_requests.hpp"
#include "canopy/comm/silence.hpp"

namespace canopy::comm {
namespace {

constexpr int request_head = 1;
constexpr int request_body = 2;
constexpr int answer_head = 3;
constexpr int answer_body = 4;

}  // namespace

// ---- the server

RequestServer::RequestServer(Communicator comm, double timeout)
    : comm_{std::move(comm)}, timeout_{timeout}, answers_(static_cast<std::size_t>(comm_.size())) {}

RequestServer::~RequestServer() {
  for (auto& answer : answers_) {
    let_go(answer.head);
    let_go(answer.body);
  }
}

std::optional<Request> RequestServer::next(double seconds) {
  Patience patience;
  Stopwatch const waited;
  for (;;) {
    if (auto const status = comm_.mpi().iprobe(boost::mpi::any_source, request_head)) {
      std::int64_t head[3] = {};
      MPI_Recv(head, 3, MPI_INT64_T, status->source(), request_head, comm_.mpi(),
               MPI_STATUS_IGNORE);
      return Request{{status->source()}, head[0], head[1], static_cast<std::size_t>(head[2])};
    }
    if (waited.seconds() >= seconds) return {};
    patience.rest();
  }
}

void RequestServer::receive(Request const& request, std::span<float> into) {
  assert(into.size() == request.floats);
  if (request.floats == 0) return;
  MPI_Request body = MPI_REQUEST_NULL;
  MPI_Irecv(into.data(), static_cast<int>(into.size()), MPI_FLOAT, request.from.value, request_body,
            comm_.mpi(), &body);
  wait_until([&] { return is_done(body); }, timeout_,
             [&] {
               call_off(body);
               throw LostPeer{request.from, "floats of a request to a server", timeout_};
             });
}

void RequestServer::answer(Rank to, std::int64_t number, std::span<float const> floats) {
  assert(has_left(to));
  auto& answer = answers_[static_cast<std::size_t>(to.value)];
  answer.number = number;
  MPI_Isend(&answer.number, 1, MPI_INT64_T, to.value, answer_head, comm_.mpi(), &answer.head);
  if (!floats.empty())
    MPI_Isend(floats.data(), static_cast<int>(floats.size()), MPI_FLOAT, to.value, answer_body,
              comm_.mpi(), &answer.body);
}

bool RequestServer::has_left(Rank to) {
  auto& answer = answers_[static_cast<std::size_t>(to.value)];
  return is_done(answer.head) && is_done(answer.body);
}

void RequestServer::wait(Rank to) {
  wait_until([&] { return has_left(to); }, timeout_,
             [&] {
               throw LostPeer{to, "answer of a server", timeout_};
             });
}

void RequestServer::wait() {
  for (int rank = 0; rank < comm_.size(); ++rank) wait({rank});
}

// ---- the client

RequestClient::RequestClient(Communicator comm, double timeout)
    : comm_{std::move(comm)},
      timeout_{timeout},
      exchanges_(static_cast<std::size_t>(comm_.size())) {}

RequestClient::~RequestClient() {
  for (auto& exchange : exchanges_) {
    for (auto& send : exchange.sends) let_go(send);
    for (auto& receive : exchange.receives) call_off(receive);
  }
}

bool RequestClient::has_left(Exchange& exchange) {
  return is_done(exchange.sends[0]) && is_done(exchange.sends[1]);
}

bool RequestClient::is_answered(Exchange& exchange) {
  return is_done(exchange.receives[0]) && is_done(exchange.receives[1]);
}

void RequestClient::send(Rank server, std::int64_t kind, std::int64_t number,
                         std::span<float const> floats) {
  auto& exchange = exchanges_[static_cast<std::size_t>(server.value)];
  wait_until([&] { return has_left(exchange); }, timeout_,
             [&] {
               throw LostPeer{server, "request to a server", timeout_};
             });
  exchange.head[0] = kind;
  exchange.head[1] = number;
  exchange.head[2] = static_cast<std::int64_t>(floats.size());
  MPI_Isend(exchange.head, 3, MPI_INT64_T, server.value, request_head, comm_.mpi(),
            &exchange.sends[0]);
  if (!floats.empty())
    MPI_Isend(floats.data(), static_cast<int>(floats.size()), MPI_FLOAT, server.value, request_body,
              comm_.mpi(), &exchange.sends[1]);
}

void RequestClient::expect(Rank server, std::span<float> into) {
  auto& exchange = exchanges_[static_cast<std::size_t>(server.value)];
  assert(is_answered(exchange));
  MPI_Irecv(&exchange.number, 1, MPI_INT64_T, server.value, answer_head, comm_.mpi(),
            &exchange.receives[0]);
  if (!into.empty())
    MPI_Irecv(into.data(), static_cast<int>(into.size()), MPI_FLOAT, server.value, answer_body,
              comm_.mpi(), &exchange.receives[1]);
}

bool RequestClient::poll() {
  bool all = true;
  for (auto& exchange : exchanges_) {
    auto const left = has_left(exchange);
    all = is_answered(exchange) && left && all;
  }
  return all;
}

void RequestClient::wait() {
  auto const give_up = [this] {
    for (int rank = 0; rank < comm_.size(); ++rank) {
      auto& exchange = exchanges_[static_cast<std::size_t>(rank)];
      if (!has_left(exchange) || !is_answered(exchange))
        throw LostPeer{{rank}, "answer of a server", timeout_};
    }
  };
  wait_until([this] { return poll(); }, timeout_, give_up);
}

std::int64_t RequestClient::number(Rank server) const {
  return exchanges_[static_cast<std::size_t>(server.value)].number;
}

}  // namespace canopy::comm
