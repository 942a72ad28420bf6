#pragma once

#include <optional>
#include <vector>

#include "canopy/comm/grid.hpp"
#include "canopy/comm/pipe.hpp"
#include "canopy/nn/pass.hpp"
#include "canopy/train/network/replica_update.hpp"
#include "canopy/train/network/strategy.hpp"
#include "canopy/train/pipeline/schedule.hpp"

#include "network/shard_worker.hpp"
#include "pipeline/stage_use.hpp"

namespace canopy::train {

/// One stage of a pipeline at work: carries out its list of actions on the shards of its replica.
/// Several micro-batches are under way, each in a pass of its own; messages arrive in and leave
/// from the passes' own memory. Nothing is allocated after construction.
class StageWorker {
 public:
  /// Collective over the stages. `list` for the shards of `update`, of which it holds `in_flight`
  /// at once. All of it must outlive the worker.
  StageWorker(Assignment const& assignment, comm::Grid const& grid, ReplicaUpdate& update,
              comm::Pulse& pulse, ActionList list, int in_flight);

  /// The list for one update: when it is done, all gradients are in place and all messages have
  /// left. LostPeer names stage and update.
  void perform(Update const& update, std::span<float const> arena);

  std::vector<nn::Loss>& losses() { return rows_.losses(); }
  bool is_last() const { return stage_ + 1 == grid_.shape().stages; }
  StageUse const& use() const { return use_; }

 private:
  /// An action of an update under way.
  struct Task {
    Update const& update;
    std::span<float const> arena;
    Action action;
    int shard;
    bool is_empty;  ///< no rows: the messages go round all the same, so that lists stand as proved
  };

  void run(Task const& task);
  void forward(Task const& task);
  void backward(Task const& task);
  void weights(Task const& task);
  void take(std::optional<comm::Inlet>& inlet, Task const& task);
  void vacate(std::optional<comm::Outlet>& outlet, float const* buffer, Task const& task);
  void send(std::optional<comm::Outlet>& outlet, int cut);
  void drain(std::optional<comm::Outlet>& outlet, Task const& task);
  void poll();

  /// Waits for another stage; tells in words of the grid who was lost.
  template <class Wait>
  void wait_for(Task const& task, Wait wait);

  nn::Pass& pass_of(Action action);

  comm::Grid const& grid_;
  int stage_;
  nn::Network const& network_;
  ReplicaUpdate& update_;
  Trace& trace_;
  ActionList list_;
  LayerBlock layers_;
  ShardRows rows_;
  std::vector<nn::Pass> passes_;  ///< micro-batch after micro-batch takes the next one
  std::size_t first_pass_ = 0;    ///< that of the update's first micro-batch
  int most_rows_;
  std::optional<comm::Inlet> activations_in_;
  std::optional<comm::Outlet> activations_out_;
  std::optional<comm::Inlet> gradients_in_;
  std::optional<comm::Outlet> gradients_out_;
  StageUse use_;
};

}  // namespace canopy::train
