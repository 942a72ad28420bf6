#pragma once

#include <vector>

#include "canopy/comm/pulse.hpp"
#include "canopy/comm/watch.hpp"
#include "canopy/train/network/strategy.hpp"

#include "ps/roles.hpp"

namespace canopy::train {

/// What workers and servers have in common: an arena, of which a server's slice is what counts.
class PsRank : public Strategy {
 public:
  std::span<float> arena() override { return arena_; }
  void collect() override;
  UpdateUse use() const override { return use_; }
  std::vector<Table> reports() override;

 protected:
  /// Collective.
  PsRank(Assignment const& assignment, Roles roles, double timeout);

  /// How often something happened, by a small number that goes with it.
  using Counts = std::vector<std::int64_t>;
  static void count(Counts& counts, std::int64_t number);
  struct Seen {
    Counts staleness;  ///< of gradients, in pushes
    Counts leads;      ///< of workers that began an update, in updates
    template <class Archive>
    void fields(Archive& archive) {
      archive(staleness, leads);
    }
  };

  comm::Communicator requests_;  ///< for these only
  comm::Communicator const& comm_;
  ShardPlan const& plan_;
  Roles roles_;
  comm::Pulse pulse_;
  comm::Watch watch_;
  std::vector<float> arena_;
  UpdateUse use_;
  Seen seen_;  ///< on the side that counts
};

}  // namespace canopy::train
