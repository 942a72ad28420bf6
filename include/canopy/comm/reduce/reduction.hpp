#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/lost_peer.hpp"
#include "canopy/comm/pulse.hpp"
#include "canopy/comm/reduce/partial_sums.hpp"
#include "canopy/core/registry.hpp"

namespace canopy::comm {

/// Which half of an all-reduce is wanted. All work in place on the buckets of a flat arena.
enum class Collective {
  all_reduce,      ///< every rank ends with the total of every bucket
  reduce_scatter,  ///< rank r ends with the total of its slice of each bucket; the rest is scratch
  all_gather,      ///< rank r brings its slice of each bucket, every rank ends with all slices
};

/// Slice `rank` of `ranks` of a bucket, the same for every algorithm: bucket.size * r / p onwards.
Range slice_of(Range bucket, int ranks, int rank);

/// How floats travel. fp16: halves the bytes; sums stay in fp32, each hop is rounded to the
/// nearest half (beyond 65,504: infinity), all ranks still end with the same bits, but these
/// depend on the number of ranks, also with Order::tree.
enum class Wire { fp32, fp16 };

/// What to reduce, and how.
struct ReductionPlan {
  Collective collective = Collective::all_reduce;
  Order order = Order::tree;
  Wire wire = Wire::fp32;
  int leaves = 1;  ///< V of the tree; with Order::tree only
  /// The partial sums of this rank (PartialSums::sums()); all_gather and Order::free take one.
  /// They must outlive the reduction. The result is left in the first; the others are scratch.
  std::vector<std::span<float>> sums;
  std::vector<Range> buckets;  ///< the same on every rank
  /// Tells who is slow from who is gone; beats with every call. Outlives the reduction, which has
  /// one of its own where none is given.
  Pulse* pulse = nullptr;
  std::size_t chunk_bytes = 0;  ///< of one message; 0: what measured best
};

/// Sums of floats over ranks, bucket by bucket, while the caller computes:
///
///     auto reduction = reductions().make("own", comm, plan);     // collective
///     reduction->start(0); ... reduction->poll(); ... reduction->start(1); ...
///     reduction->wait();
///
/// Ranks start the same buckets in the same order; a bucket may be started again once it is done.
/// Nothing is allocated by these calls.
class Reduction {
 public:
  virtual ~Reduction() = default;

  /// This rank's part of the bucket is complete, and is the reduction's until it is done.
  virtual void start(std::size_t bucket) = 0;
  /// Moves messages on, without waiting; true when all that was started is done. To be called
  /// every 50-200 us or so of compute, as Open MPI makes no progress by itself.
  virtual bool poll() = 0;
  /// Whether the bucket is done, as of the last call to `poll` or `wait`.
  virtual bool is_done(std::size_t bucket) const = 0;
  /// Until this bucket is done, or all that were started.
  virtual void wait(std::size_t bucket) = 0;
  virtual void wait() = 0;

  /// What does the work, for the record: "own halving-doubling, tree, fp32".
  virtual std::string description() const = 0;
  /// Seconds from the last start of the bucket until it was seen to be done.
  virtual double seconds(std::size_t bucket) const = 0;
  /// Payload this rank has sent so far, in bytes; what MPI's own collectives send is estimated by
  /// the least that is possible.
  virtual std::uint64_t bytes_sent() const = 0;
};

/// The choices (--allreduce):
///   mpi   MPI's own collectives: MPI_Ialltoallv of the partial sums, the sum on each rank's slice,
///         MPI_Iallgatherv. With `free` in the order of ranks; with `tree` exactly the bits of the
///         tree for every number of ranks. Works inside `start`, which waits.
///   own   Isend/Irecv state machines. For a power of two of ranks recursive halving-doubling,
///         which is the tree; else with `free` a chunked ring, with `tree` partial sums that meet
///         where links are least loaded.
///   auto  runs both on the buckets (of zeros; the buffers are as before afterwards) and takes the
///         faster by the slowest rank's time; all ranks agree.
/// With all of them a rank without a sign of life ends in LostPeer, which names it by its number in
/// the pulse's communicator. Making one is collective.
Registry<Reduction, Communicator const&, ReductionPlan const&> const& reductions();

}  // namespace canopy::comm
