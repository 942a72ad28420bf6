#pragma once

#include "canopy/core/clock.hpp"

#include "reduce/transfers.hpp"

namespace canopy::comm {

/// MPI's own collectives, each within `start`.
class MpiReduction : public Reduction {
 public:
  MpiReduction(Communicator const& comm, ReductionPlan const& plan);

  void start(std::size_t bucket) override;
  bool poll() override { return true; }
  bool is_done(std::size_t) const override { return true; }
  void wait(std::size_t) override {}
  void wait() override {}
  std::string description() const override;
  double seconds(std::size_t bucket) const override { return seconds_[bucket]; }
  std::uint64_t bytes_sent() const override { return bytes_sent_; }

 private:
  bool is_plain() const;
  void exchange_slices(Range bucket, std::size_t round);
  void combine(Range bucket);
  void gather(Range bucket);
  void cut(Range bucket);

  Communicator comm_;
  ReductionPlan plan_;
  std::vector<std::size_t> sums_of_;   ///< by rank, how many partial sums it has
  std::vector<std::size_t> first_of_;  ///< by rank, where its sums are in the tree's order
  std::vector<Merge> merges_;
  std::vector<float> received_;  ///< the sums of all ranks of our slice, one after the other
  std::vector<std::uint16_t> halves_to_send_;
  std::vector<std::uint16_t> halves_received_;
  std::vector<float*> buffers_;  ///< by place in the tree's order
  std::vector<int> send_counts_, send_starts_, receive_counts_, receive_starts_;
  std::vector<double> seconds_;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace canopy::comm
