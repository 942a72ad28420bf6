#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "canopy/comm/reduce/reduction.hpp"

#include "reduce/routes.hpp"

namespace canopy::comm {

/// Floats of one rank: from `first` on in one of its partial sums, or in the scratch of a bucket.
struct Place {
  static constexpr auto scratch = std::numeric_limits<std::size_t>::max();
  std::size_t buffer = 0;  ///< number of the partial sum, or `scratch`
  std::size_t first = 0;
};

struct Send {
  int peer = 0;
  Place from;
  std::size_t size = 0;
  std::size_t after = 0;   ///< how many receives must have been dealt with
  bool is_result = false;  ///< what is sent is final: every rank must end with these bits
};

/// to = a + b.
struct Addition {
  Place to;
  Place a;
  Place b;
  std::size_t size = 0;
};

struct Receive {
  int peer = 0;
  Place to;
  std::size_t size = 0;
  std::size_t after = 0;      ///< how many sends must have left before `to` may be written
  std::size_t additions = 0;  ///< once it is here, this many additions in all are to have been done
};

/// All that one rank does for one bucket, as data: sends and receives are each done in this order,
/// independently of each other but for `after`. The n-th send to a peer is its n-th receive from
/// here. Slices are cut into chunks, so that a rank passes on the first while the next come in.
struct Transfers {
  std::vector<Send> sends;
  std::vector<Receive> receives;
  std::vector<Addition> additions;
  std::size_t scratch = 0;  ///< floats
};

/// What is to be done with a bucket, and who we are.
struct BucketTask {
  Collective collective = Collective::all_reduce;
  int ranks = 1;
  int rank = 0;
  Range bucket;
  std::size_t chunk = 0;  ///< largest message, in floats
};

/// Chunked ring for any number of ranks (Patarasuk & Yuan, "Bandwidth optimal all-reduce
/// algorithms for clusters of workstations", 2009). Sends 2 (p-1)/p of the bucket.
Transfers ring(BucketTask const& task);

/// Recursive halving with distance 1, 2, 4 .., then recursive doubling back (Thakur, Rabenseifner &
/// Gropp, "Optimization of collective communication operations in MPICH", 2005), for a power of
/// two of ranks: the sums are those of the binary tree over the ranks. Sends 2 (p-1)/p.
Transfers halving_doubling(BucketTask const& task);

/// For any number of ranks, the tree, each merge on the rank that the router chooses, which knows
/// what the buckets before have loaded the links with. Not for an all-gather, which merges nothing.
Transfers routed_tree(BucketTask const& task, Router& router);

}  // namespace canopy::comm
