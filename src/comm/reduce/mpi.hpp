#pragma once

#include <optional>

#include <mpi.h>

#include "canopy/core/clock.hpp"

#include "reduce/transfers.hpp"

namespace canopy::comm {

/// MPI's own collectives, each within `start`: those that do not block, so that whoever waits sees
/// who is gone.
class MpiReduction : public Reduction {
 public:
  MpiReduction(Communicator const& comm, ReductionPlan const& plan);
  MpiReduction(MpiReduction const&) = delete;
  MpiReduction& operator=(MpiReduction const&) = delete;
  ~MpiReduction() override;

  void start(std::size_t bucket) override;
  bool poll() override;
  bool is_done(std::size_t) const override { return true; }
  void wait(std::size_t) override {}
  void wait() override {}
  std::string description() const override;
  double seconds(std::size_t bucket) const override { return seconds_[bucket]; }
  std::uint64_t bytes_sent() const override { return bytes_sent_; }

 private:
  void exchange_slices(std::size_t bucket, std::size_t round);
  void combine(Range bucket);
  void gather(std::size_t bucket);
  void gather_in_place(std::size_t bucket, void* numbers, MPI_Datatype type);
  void cut(Range bucket);
  void await(std::size_t bucket);

  Communicator comm_;
  ReductionPlan plan_;
  std::optional<Pulse> own_pulse_;
  Pulse& pulse_;
  std::vector<std::string> awaited_;  ///< by bucket, what LostPeer says
  MPI_Request request_ = MPI_REQUEST_NULL;
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
