#pragma once

#include <memory>
#include <optional>
#include <string>

#include "reduce/flow.hpp"

namespace canopy::comm {

/// The state machines over Isend/Irecv.
class OwnReduction : public Reduction {
 public:
  OwnReduction(Communicator const& comm, ReductionPlan const& plan);

  void start(std::size_t bucket) override;
  bool poll() override;
  bool is_done(std::size_t bucket) const override { return flows_[bucket]->is_done(); }
  void wait(std::size_t bucket) override;
  void wait() override;
  std::string description() const override;
  double seconds(std::size_t bucket) const override { return flows_[bucket]->seconds(); }
  std::uint64_t bytes_sent() const override;

 private:
  bool look();
  template <class IsOver>
  void wait_until(IsOver is_over);

  Communicator comm_;
  ReductionPlan plan_;
  std::string algorithm_;
  std::vector<std::unique_ptr<Flow>> flows_;  ///< by bucket
  std::vector<std::size_t> active_;           ///< buckets under way, oldest first
  std::vector<std::string> awaited_;          ///< by bucket, in words
  std::optional<Pulse> own_pulse_;
  Pulse& pulse_;
  std::vector<Rank> in_pulse_;  ///< by rank here, its number there
};

}  // namespace canopy::comm
