#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "canopy/comm/requests.hpp"

#include "ps/ps_rank.hpp"

namespace canopy::train {

/// A rank that holds a slice of the arena and the optimizer for it.
class Server : public PsRank {
 public:
  std::vector<nn::Loss>& losses() override { return losses_; }
  comm::Leaves counted_shards() const override { return {plan_.shards(), plan_.shards()}; }
  StatePieces optimizer_state() const override;
  void restore_optimizer(NamedArrays const& whole) override;
  Place place() const override;

 protected:
  Server(Assignment const& assignment, Roles roles, double timeout);

  int number() const { return comm_.rank().value - roles_.workers; }  ///< among servers
  nn::Range slice() const { return optimizer_->owned(); }
  std::span<float> in_slice(std::span<float> arena) const {
    return arena.subspan(slice().begin, slice().size());
  }
  /// The next request; waiting counts as exposed. Throws LostPeer when a worker that `is_due`
  /// shows no sign of life.
  template <class IsDue>
  comm::Request next(IsDue is_due);
  void answer(comm::Rank worker, std::int64_t number, std::span<float const> floats);

  std::unique_ptr<nn::Optimizer> optimizer_;
  comm::RequestServer server_;
  std::vector<nn::Loss> losses_;  ///< none are counted here
};

/// --staleness 0: adds up the workers' partial sums, in the order of the tree, makes the update,
/// and gives the new slice to all.
class SyncServer : public Server {
 public:
  SyncServer(Assignment const& assignment, Roles roles, double timeout);
  void perform(Update const& update) override;

 private:
  void receive_all(std::int64_t update);

  std::vector<int> first_sum_;  ///< by worker, and then their number
  std::vector<comm::Merge> merges_;
  std::vector<int> missing_;              ///< by worker: sums that are still to come
  std::vector<float> gradient_;           ///< an arena; its slice takes the first sum
  std::vector<std::vector<float>> rest_;  ///< the other sums, slices
  std::vector<std::span<float>> sums_;
};

/// --staleness N or inf: applies each gradient as it comes. A worker may begin when it is at most N
/// updates ahead of the slowest one (stale synchronous parallel, Ho et al. 2013).
class StaleServer : public Server {
 public:
  StaleServer(Assignment const& assignment, Roles roles, double timeout);
  /// Until every worker has pushed as often as perform() was called.
  void perform(Update const& update) override;

 private:
  struct Client {
    std::int64_t finished = 0;  ///< updates
    double lr = 0;              ///< of the update it is at
    bool waits = false;
    std::vector<float> weights;  ///< on their way
  };
  void apply(comm::Request const& push);
  void let_begin();
  std::int64_t slowest() const;

  std::vector<Client> clients_;
  std::vector<float> gradient_;  ///< an arena
  std::int64_t performed_ = 0;   ///< updates
  std::int64_t pushes_ = 0;      ///< applied
  std::int64_t before_ = 0;      ///< pushes of an earlier run that this one goes on from
};

}  // namespace canopy::train
