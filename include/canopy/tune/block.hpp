#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/pulse.hpp"
#include "canopy/comm/vigil.hpp"
#include "canopy/core/stop.hpp"
#include "canopy/tune/task.hpp"

namespace canopy::tune {

/// Ranks that perform tasks together. The workers of a search form blocks of as many neighbours as
/// its widest trials take; the first of each leads it and speaks with the coordinator. A narrower
/// task takes a team, a part of the block, which then performs several at a time. Teams are
/// communicators that are made when first needed and kept, so the ranks of a block regroup from one
/// task to the next.
class Block {
 public:
  using Work = std::function<Bytes(Task const& task, StopToken const& stop)>;

  /// Collective over `world`, whose root coordinates and is a block of its own. Blocks have at most
  /// as many ranks as there are workers; the last one may have fewer than the others.
  Block(comm::Communicator const& world, int ranks);

  /// The coordinator and the leaders, in this order; nothing on the others.
  std::optional<comm::Communicator> const& farm() const { return farm_; }
  /// Of the blocks, on every rank.
  int size() const { return size_; }
  /// Those who work on a task together with this rank, just now.
  comm::Communicator const& team() const { return *team_; }

  /// A leader: performs a task with its block. The result of the work here, or of `several` tasks
  /// the bytes of an Outcome for each. Throws Stopped when the token says so, and LostPeer.
  Bytes lead(Task const& task, StopToken const& stop, Work const& work);
  /// A leader: no more tasks will come.
  void dismiss();
  /// The others: perform their parts until they are dismissed. Throws LostPeer.
  void follow(Work const& work);

 private:
  /// A task with its number; the dismissal has none.
  struct Order {
    std::int64_t number = -1;
    Task task;
    template <class Archive>
    void fields(Archive& archive) {
      archive(number, task);
    }
  };
  /// Outcomes of the tasks of one team, by their places among the tasks of the order.
  struct Part {
    std::int64_t number = -1;
    std::vector<std::pair<std::uint64_t, Outcome>> outcomes;
    template <class Archive>
    void fields(Archive& archive) {
      archive(number, outcomes);
    }
  };
  using OrderChannel = comm::Channel<Order, 1>;
  using CallOff = comm::Channel<std::int64_t, 2>;  ///< orders up to this number
  using PartDone = comm::Channel<Part, 3>;
  static_assert(comm::distinct_tags<OrderChannel, CallOff, PartDone>());

  int team_size(Task const& task) const;
  comm::Communicator const& team_of(int size);
  template <class C>
  void post_to_others(typename C::Payload const& payload);
  Part perform(Order const& order, StopToken const& stop, Work const& work);
  void await_others(Order const& order, std::vector<std::optional<Outcome>>& outcomes,
                    StopToken const& stop);

  int size_;
  comm::Communicator ranks_;  ///< of this block
  std::optional<comm::Communicator> farm_;
  int world_rank_;
  comm::Mailbox mailbox_;
  comm::Pulse pulse_;                        ///< between the leader and each of the others
  comm::Vigil vigil_;                        ///< whether the leader's process has ended
  std::map<int, comm::Communicator> teams_;  ///< this rank's, by size
  comm::Communicator const* team_;
  std::int64_t number_ = 0;       ///< of the last order
  std::int64_t called_off_ = -1;  ///< orders up to this one
};

}  // namespace canopy::tune
