#include "ps/one_sided.hpp"

#include <algorithm>
#include <numeric>

#include "canopy/comm/patience.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"

namespace canopy::train {
namespace {

std::size_t floats_of(comm::Rank rank, Roles const& roles) {
  if (!roles.is_server(rank)) return 0;
  return roles.slices[static_cast<std::size_t>(rank.value - roles.workers)].size() +
         static_cast<std::size_t>(roles.workers);
}

std::int64_t sum(std::span<float const> numbers) {
  return static_cast<std::int64_t>(std::accumulate(numbers.begin(), numbers.end(), 0.0));
}

std::int64_t smallest(std::span<float const> numbers) {
  return static_cast<std::int64_t>(std::ranges::min(numbers));
}

}  // namespace

void check_one_sided(Assignment const& a, Roles const& roles) {
  if (roles.staleness)
    throw UserError{"--ps-transport rma but --staleness is " + a.options.staleness +
                    ": nobody can make a worker wait; set --staleness inf or --ps-transport "
                    "messages"};
  if (!nn::make_optimizer(a.training, a.network, {0, 0})->state_names().empty())
    throw UserError{
        "--ps-transport rma adds to weights where they are and has no place for the "
        "state of --optimizer " +
        a.training.optimizer + (a.training.optimizer == "sgd" ? " with momentum" : "") +
        "; set --optimizer sgd --momentum 0 or --ps-transport messages"};
}

// ---- the window

SliceWindow::SliceWindow(comm::Communicator const& comm, Roles const& roles)
    : comm_{comm},
      roles_{roles},
      window_{comm, floats_of(comm.rank(), roles)},
      finished_(static_cast<std::size_t>(roles.workers)) {}

std::span<float const> SliceWindow::read(int server, std::span<float> arena) {
  auto const finished = read_finished(server);  // what was added until then is read below
  auto const slice = roles_.slices[static_cast<std::size_t>(server)];
  window_.get(roles_.server(server), 0, arena.subspan(slice.begin, slice.size()));
  return finished;
}

std::span<float const> SliceWindow::read_finished(int server) {
  auto const slice = roles_.slices[static_cast<std::size_t>(server)];
  window_.get(roles_.server(server), slice.size(), finished_);
  return finished_;
}

void SliceWindow::add(int server, std::span<float const> differences) {
  auto const slice = roles_.slices[static_cast<std::size_t>(server)];
  window_.add(roles_.server(server), 0, differences.subspan(slice.begin, slice.size()));
}

void SliceWindow::finish(int server, int worker) {
  float const one = 1;
  auto const slice = roles_.slices[static_cast<std::size_t>(server)];
  window_.add(roles_.server(server), slice.size() + static_cast<std::size_t>(worker), {&one, 1});
}

void SliceWindow::fill(std::span<float const> arena) {
  if (filled_) return;
  filled_ = true;
  if (roles_.is_server(comm_.rank())) add(comm_.rank().value - roles_.workers, arena);
  comm_.barrier();
}

// ---- workers

OneSidedWorker::OneSidedWorker(Assignment const& a, Roles roles, double timeout)
    : Worker{a, std::move(roles), timeout, comm::Order::free},
      window_{a.comm, roles_},
      optimizer_{nn::make_optimizer(a.training, a.network, {0, a.network.arena_size()})},
      differences_(a.network.arena_size()) {}

void OneSidedWorker::perform(Update const& update) {
  Stopwatch const clock;
  window_.fill(arena_);
  auto const seen = read();
  auto const share = own_share(update);
  auto const shards = own_gradient(update);
  if (share.rows > 0) {
    std::ranges::copy(arena_, differences_.begin());
    optimizer_->step(optimizer_->owned(), arena_, sums_.sums().front(),
                     {update.number, update.lr * share.of_batch, 1.0 / share.rows, 1.0 / shards});
    for (std::size_t i = 0; i < arena_.size(); ++i) differences_[i] = arena_[i] - differences_[i];
  } else {
    std::ranges::fill(differences_, 0.0f);
  }
  write(seen);
  use_.update_seconds += clock.seconds();
}

/// Returns how many updates of all workers the weights of the first server have seen at least.
std::int64_t OneSidedWorker::read() {
  Stopwatch const clock;
  std::int64_t seen = 0;
  for (int server = roles_.servers() - 1; server >= 0; --server) {
    auto const finished = window_.read(server, arena_);
    seen = sum(finished);
    if (server > 0) continue;
    auto const mine = finished[static_cast<std::size_t>(comm_.rank().value)];
    count(seen_.leads, static_cast<std::int64_t>(mine) - smallest(finished));
  }
  use_.exposed_seconds += clock.seconds();
  return seen;
}

void OneSidedWorker::write(std::int64_t seen) {
  Stopwatch const clock;
  for (int server = 0; server < roles_.servers(); ++server) {
    window_.add(server, differences_);
    window_.finish(server, comm_.rank().value);
    use_.bytes_sent += slice(server).size() * sizeof(float);
  }
  count(seen_.staleness, sum(window_.read_finished(0)) - seen - 1);
  use_.exposed_seconds += clock.seconds();
}

// ---- servers

OneSidedServer::OneSidedServer(Assignment const& a, Roles roles, double timeout)
    : Server{a, std::move(roles), timeout}, window_{a.comm, roles_} {}

void OneSidedServer::perform(Update const&) {
  Stopwatch const clock;
  window_.fill(arena_);
  pulse_.start();
  ++performed_;
  comm::Patience patience;
  for (;;) {
    auto const finished = window_.read_finished(number());
    if (smallest(finished) >= performed_) break;
    pulse_.beat();
    for (std::size_t worker = 0; worker < finished.size(); ++worker)
      if (static_cast<std::int64_t>(finished[worker]) < performed_)
        pulse_.check({static_cast<int>(worker)}, "one-sided update of a worker");
    patience.rest();
  }
  use_.update_seconds += clock.seconds();
  use_.exposed_seconds += clock.seconds();
}

void OneSidedServer::collect() {
  if (performed_ > 0) window_.read(number(), arena_);
  Server::collect();
}

}  // namespace canopy::train
