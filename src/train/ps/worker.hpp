#pragma once

#include <vector>

#include "canopy/comm/requests.hpp"
#include "canopy/train/network/gradient_sums.hpp"

#include "network/shard_worker.hpp"
#include "ps/ps_rank.hpp"

namespace canopy::train {

/// A rank that works out gradients of its block of shards.
class Worker : public PsRank {
 public:
  std::vector<nn::Loss>& losses() override { return worker_.losses(); }
  comm::Leaves counted_shards() const override { return sums_.block(); }
  StatePieces optimizer_state() const override { return {}; }
  void restore_optimizer(NamedArrays const&) override {}
  Place place() const override;

 protected:
  Worker(Assignment const& assignment, Roles roles, double timeout, comm::Order order);

  /// Moves messages on, in the midst of computing.
  void poll();
  /// Until requests have left and answers are here; counted as exposed. Throws LostPeer.
  void wait();
  void send(int server, std::int64_t kind, std::int64_t number, std::span<float const> floats);
  /// The server's next answer is to go to its slice of the arena.
  void expect_slice(int server);
  nn::Range slice(int server) const { return roles_.slices[static_cast<std::size_t>(server)]; }

  /// What of a batch is this worker's.
  struct Share {
    int rows;
    double of_batch;
  };
  Share own_share(Update const& update) const;
  /// The sum over its rows, in sums_ (of Order::free); returns how many shards had any.
  int own_gradient(Update const& update);

  int depth_;
  comm::Order order_;
  GradientSums sums_;
  Trace& trace_;
  ShardWorker worker_;
  comm::RequestClient client_;
};

/// --staleness 0: pushes its partial sums, slice by slice as soon as the backward pass has left a
/// slice behind, and goes on with the updated arena.
class SyncWorker : public Worker {
 public:
  SyncWorker(Assignment const& assignment, Roles roles, double timeout);
  void perform(Update const& update) override;

 private:
  void layer_done(int shard, int layer);
  void skip(int shard);
  void push(int server);

  std::vector<int> lowest_;  ///< by server: the layer that completes the slice's gradient
  std::int64_t number_ = 0;  ///< of the update
};

/// --staleness N or inf: reads the arena, and pushes the gradient of its share of the batch.
class StaleWorker : public Worker {
 public:
  StaleWorker(Assignment const& assignment, Roles roles, double timeout);
  void perform(Update const& update) override;

 private:
  void begin(double lr);
  void average(int rows, int shards);

  nn::Range trainable_;
};

}  // namespace canopy::train
