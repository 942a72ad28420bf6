#include "ps/worker.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "canopy/comm/patience.hpp"
#include "canopy/core/clock.hpp"

#include "ps/messages.hpp"

namespace canopy::train {
namespace {

bool overlap(nn::Range a, nn::Range b) {
  return std::max(a.begin, b.begin) < std::min(a.end, b.end);
}

/// The first layer with parameters or buffers in the slice: the last one on the way back.
int lowest_layer(nn::Network const& network, nn::Range slice) {
  for (int layer = 0; layer < network.depth(); ++layer)
    if (overlap(network.range(layer), slice) || overlap(network.buffer_range(layer), slice))
      return layer;
  return 0;
}

}  // namespace

Worker::Worker(Assignment const& a, Roles roles, double timeout, comm::Order order)
    : PsRank{a, std::move(roles), timeout},
      depth_{a.network.depth()},
      order_{order},
      sums_{order, a.network.arena_size(),
            comm::leaves_of(a.plan.shards(), roles_.workers, a.comm.rank().value)},
      trace_{a.trace},
      worker_{a.network, a.feed, a.plan, a.training, a.trace},
      client_{requests_, timeout} {
  worker_.call_meanwhile([this] { poll(); });
}

Place Worker::place() const {
  auto const [first, last] = sums_.block();
  auto const sums = !roles_.is_synchronous()      ? "each gradient as it comes"
                    : order_ == comm::Order::tree ? "tree"
                                                  : "free";
  return {
      "ps",
      "worker",
      comm_.rank().value,
      0,
      {0, depth_},
      first,
      last,
      fmt::format("{} on {} server{}", sums, roles_.servers(), roles_.servers() == 1 ? "" : "s")};
}

void Worker::poll() {
  pulse_.beat();
  client_.poll();
}

void Worker::wait() {
  Stopwatch const clock;
  auto const begin = trace_.now();
  comm::Patience patience;
  while (!client_.poll()) {
    pulse_.beat();
    for (int server = 0; server < roles_.servers(); ++server)
      pulse_.check(roles_.server(server), "answer of a parameter server");
    patience.rest();
  }
  trace_.add(Doing::message, use_.micro_batches, begin);
  use_.exposed_seconds += clock.seconds();
}

void Worker::send(int server, std::int64_t kind, std::int64_t number,
                  std::span<float const> floats) {
  client_.send(roles_.server(server), kind, number, floats);
  use_.bytes_sent += floats.size_bytes();
}

void Worker::expect_slice(int server) {
  client_.expect(roles_.server(server),
                 std::span{arena_}.subspan(slice(server).begin, slice(server).size()));
}

Worker::Share Worker::own_share(Update const& update) const {
  auto const [first, end] = sums_.block();
  auto const rows = static_cast<int>(plan_.places(update.in_epoch, end - 1).end -
                                     plan_.places(update.in_epoch, first).begin);
  return {rows, static_cast<double>(rows) / plan_.rows_of_step(update.in_epoch)};
}

int Worker::own_gradient(Update const& update) {
  auto const [first, end] = sums_.block();
  sums_.begin();
  auto shard = first;  // those without rows are the last ones
  for (; shard < end && !worker_.is_empty(update, shard); ++shard) {
    worker_.gradient(update, shard, arena_, sums_.place(shard), [this](int) { poll(); });
    ++use_.micro_batches;
  }
  return shard - first;
}

// ---- synchronous

SyncWorker::SyncWorker(Assignment const& a, Roles roles, double timeout)
    : Worker{a, std::move(roles), timeout, a.options.reduction.order} {
  for (auto const part : roles_.slices) lowest_.push_back(lowest_layer(a.network, part));
}

void SyncWorker::perform(Update const& update) {
  Stopwatch const clock;
  number_ = update.number;
  pulse_.start();
  sums_.begin();
  for (auto shard = sums_.block().first; shard < sums_.block().end; ++shard) {
    if (worker_.is_empty(update, shard)) {
      skip(shard);
      continue;
    }
    worker_.gradient(update, shard, arena_, sums_.place(shard),
                     [&](int layer) { layer_done(shard, layer); });
    sums_.close(shard);
    ++use_.micro_batches;
  }
  wait();
  use_.update_seconds += clock.seconds();
}

void SyncWorker::layer_done(int shard, int layer) {
  for (int server = roles_.servers() - 1; server >= 0; --server) {
    if (lowest_[static_cast<std::size_t>(server)] != layer) continue;
    sums_.merge(shard, slice(server));
    if (shard + 1 == sums_.block().end) push(server);
  }
  poll();
}

/// A shard without rows.
void SyncWorker::skip(int shard) {
  auto const place = sums_.place(shard);
  if (place.put == nn::Put::write) std::ranges::fill(place.gradients, 0.0f);
  for (int layer = depth_ - 1; layer >= 0; --layer) layer_done(shard, layer);
  sums_.close(shard);
}

/// The weights may arrive before the pass is over: it does not need those of this slice any more.
void SyncWorker::push(int server) {
  expect_slice(server);
  auto const& sums = sums_.sums();
  for (std::size_t sum = 0; sum < sums.size(); ++sum)
    send(server, static_cast<std::int64_t>(sum), number_,
         sums[sum].subspan(slice(server).begin, slice(server).size()));
}

// ---- with staleness

StaleWorker::StaleWorker(Assignment const& a, Roles roles, double timeout)
    : Worker{a, std::move(roles), timeout, comm::Order::free},
      trainable_{0, a.network.parameters()} {}

void StaleWorker::perform(Update const& update) {
  Stopwatch const clock;
  auto const share = own_share(update);
  pulse_.start();
  begin(update.lr * share.of_batch);
  auto const shards = own_gradient(update);
  if (share.rows > 0) average(share.rows, shards);
  auto const gradient = sums_.sums().front();
  for (int server = 0; server < roles_.servers(); ++server)
    send(server, static_cast<std::int64_t>(Ask::push), client_.number(roles_.server(server)),
         share.rows > 0 ? gradient.subspan(slice(server).begin, slice(server).size())
                        : std::span<float>{});
  wait();
  use_.update_seconds += clock.seconds();
}

void StaleWorker::begin(double lr) {
  for (int server = 0; server < roles_.servers(); ++server) {
    expect_slice(server);
    send(server, static_cast<std::int64_t>(Ask::begin), std::bit_cast<std::int64_t>(lr), {});
  }
  wait();
}

/// Sums over rows become means; those of batch statistics means over shards.
void StaleWorker::average(int rows, int shards) {
  auto const gradient = sums_.sums().front();
  for (auto& g : gradient.first(trainable_.end)) g *= 1.0f / static_cast<float>(rows);
  for (auto& g : gradient.subspan(trainable_.end)) g *= 1.0f / static_cast<float>(shards);
}

}  // namespace canopy::train
