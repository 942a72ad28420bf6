#include "ps/server.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include <fmt/format.h>

#include "canopy/comm/reduce/sum_tree.hpp"
#include "canopy/core/clock.hpp"

#include "ps/messages.hpp"

namespace canopy::train {
namespace {

constexpr double look_again = 0.2;  // seconds without requests until a server looks at its workers

}  // namespace

Server::Server(Assignment const& a, Roles roles, double timeout)
    : PsRank{a, std::move(roles), timeout},
      optimizer_{nn::make_optimizer(
          a.training, a.network,
          roles_.slices[static_cast<std::size_t>(a.comm.rank().value - roles_.workers)])},
      server_{requests_, timeout},
      losses_(static_cast<std::size_t>(a.plan.shards())) {}

StatePieces Server::optimizer_state() const {
  StatePieces pieces;
  add_state(pieces, *optimizer_);
  return pieces;
}

void Server::restore_optimizer(NamedArrays const& whole) {
  restore_state(*optimizer_, whole, arena_.size());
}

Place Server::place() const {
  auto const none = counted_shards();
  return {
      "ps", "server",   number(), 0,
      {},   none.first, none.end, fmt::format("numbers {} to {}", slice().begin, slice().end - 1)};
}

template <class IsDue>
comm::Request Server::next(IsDue is_due) {
  Stopwatch const clock;
  for (;;) {
    auto const request = server_.next(look_again);
    pulse_.beat();
    if (request) {
      use_.exposed_seconds += clock.seconds();
      return *request;
    }
    for (int worker = 0; worker < roles_.workers; ++worker)
      if (is_due(worker)) pulse_.check({worker}, "gradient of a worker");
  }
}

void Server::answer(comm::Rank worker, std::int64_t number, std::span<float const> floats) {
  server_.answer(worker, number, floats);
  use_.bytes_sent += floats.size_bytes();
}

// ---- synchronous

SyncServer::SyncServer(Assignment const& a, Roles roles, double timeout)
    : Server{a, std::move(roles), timeout}, gradient_(arena_.size()) {
  auto const shards = a.plan.shards();
  auto const tree = a.options.reduction.order == comm::Order::tree;
  first_sum_.push_back(0);
  for (int worker = 0; worker < roles_.workers; ++worker) {
    auto const block = comm::leaves_of(shards, roles_.workers, worker);
    first_sum_.push_back(first_sum_.back() +
                         (tree ? static_cast<int>(comm::subtrees_of(block).size()) : 1));
  }
  auto const sums = static_cast<std::size_t>(first_sum_.back());
  if (tree)
    merges_ = comm::merges_to_total(comm::subtrees_of_all(shards, roles_.workers));
  else
    for (std::size_t sum = 1; sum < sums; ++sum) merges_.push_back({0, sum});
  rest_.assign(sums - 1, std::vector<float>(slice().size()));
  sums_.push_back(in_slice(gradient_));
  for (auto& sum : rest_) sums_.push_back(sum);
  missing_.resize(static_cast<std::size_t>(roles_.workers));
}

void SyncServer::perform(Update const& update) {
  Stopwatch const clock;
  pulse_.start();
  receive_all(update.number);
  for (auto const [into, from] : merges_) nn::add<float>(sums_[into], sums_[from]);
  server_.wait();  // the slice is still leaving, as far as we know
  optimizer_->step(slice(), arena_, gradient_, step_info(update, plan_));
  for (int worker = 0; worker < roles_.workers; ++worker) {
    answer({worker}, update.number, in_slice(arena_));
    count(seen_.staleness, 0);
    count(seen_.leads, 0);
  }
  use_.update_seconds += clock.seconds();
}

void SyncServer::receive_all(std::int64_t update) {
  auto const is_due = [this](int worker) { return missing_[static_cast<std::size_t>(worker)] > 0; };
  for (std::size_t worker = 0; worker < missing_.size(); ++worker)
    missing_[worker] = first_sum_[worker + 1] - first_sum_[worker];
  for (auto left = first_sum_.back(); left > 0; --left) {
    auto const request = next(is_due);
    if (request.number != update)
      throw std::logic_error{fmt::format("worker {} is at update {}, its server at {}",
                                         request.from.value, request.number, update)};
    auto const worker = static_cast<std::size_t>(request.from.value);
    auto const sum = static_cast<std::size_t>(first_sum_[worker] + request.kind);
    server_.receive(request, sums_[sum]);
    --missing_[worker];
  }
}

// ---- with staleness

StaleServer::StaleServer(Assignment const& a, Roles roles, double timeout)
    : Server{a, std::move(roles), timeout},
      clients_(static_cast<std::size_t>(roles_.workers)),
      gradient_(arena_.size()) {
  for (auto& client : clients_) client.weights.resize(slice().size());
}

std::int64_t StaleServer::slowest() const {
  return std::ranges::min_element(clients_, {}, &Client::finished)->finished;
}

void StaleServer::perform(Update const& update) {
  Stopwatch const clock;
  pulse_.start();
  if (performed_++ == 0) before_ = (update.number - 1) * roles_.workers;
  let_begin();
  while (slowest() < performed_) {
    auto const request = next([this](int worker) {
      return clients_[static_cast<std::size_t>(worker)].finished < performed_;
    });
    auto& client = clients_[static_cast<std::size_t>(request.from.value)];
    if (request.kind == static_cast<std::int64_t>(Ask::begin)) {
      client.lr = std::bit_cast<double>(request.number);
      client.waits = true;
    } else {
      apply(request);
      ++client.finished;
    }
    let_begin();
  }
  use_.update_seconds += clock.seconds();
}

void StaleServer::apply(comm::Request const& push) {
  if (push.floats == 0) return;
  server_.receive(push, in_slice(gradient_));
  count(seen_.staleness, pushes_ - push.number);
  ++pushes_;
  auto const lr = clients_[static_cast<std::size_t>(push.from.value)].lr;
  optimizer_->step(slice(), arena_, gradient_, {before_ + pushes_, lr, 1, 1});
}

/// Answers those that wait and are not too far ahead.
void StaleServer::let_begin() {
  for (std::size_t worker = 0; worker < clients_.size(); ++worker) {
    auto& client = clients_[worker];
    auto const lead = client.finished - slowest();
    if (!client.waits || (roles_.staleness && lead > *roles_.staleness)) continue;
    comm::Rank const rank{static_cast<int>(worker)};
    server_.wait(rank);
    std::ranges::copy(in_slice(arena_), client.weights.begin());
    answer(rank, pushes_, client.weights);
    client.waits = false;
    count(seen_.leads, lead);
  }
}

}  // namespace canopy::train
