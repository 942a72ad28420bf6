#pragma once

#include "canopy/comm/reduce/partial_sums.hpp"
#include "canopy/train/plan/line.hpp"

/// What messages and sums over ranks cost, by formulae with measured constants. No MPI here.
namespace canopy::train {

/// Hockney 1994, "The communication challenge for MPP": seconds = alpha + n / bandwidth of a
/// message of n bytes.
struct Link {
  Line one_way;    ///< a message; amounts are bytes
  Line both_ways;  ///< two messages at once, one each way, of so many bytes each
};

/// Machines with the same number of ranks each, in order: rank r is on machine r / ranks_per_node.
struct Cluster {
  Link within;              ///< ranks of one machine
  Link between;             ///< ranks of different machines; those of a machine share it
  double add_per_byte = 0;  ///< seconds a rank takes to add a byte of floats to others
  int ranks_per_node = 1;
};

/// Ranks first, first + stride, ... that sum together while the ranks between them do the same:
/// the replicas of one stage, with as many stages as the stride.
struct Group {
  int ranks = 1;
  int stride = 1;
};

/// The time of one sum over ranks.
struct SumSeconds {
  double wire = 0;  ///< messages
  double adds = 0;  ///< additions, by the processor of each rank
  double total() const { return wire + adds; }
};

/// Whether any two neighbours of the group are on different machines.
bool crosses_machines(Cluster const& cluster, Group group);

/// All-reduce of n bytes over p ranks on a chunked ring (Patarasuk and Yuan 2009, "Bandwidth
/// optimal all-reduce algorithms for clusters of workstations"): 2 (p - 1) rounds, in each of which
/// every rank hands n / p bytes to the next one; (p - 1) / p n bytes are added. A round takes as
/// long as its slowest link; `stride` groups share the link between machines.
SumSeconds ring_seconds(Cluster const& cluster, Group group, double bytes);

/// Recursive halving and doubling (Thakur, Rabenseifner and Gropp 2005, "Optimization of collective
/// communication operations in MPICH"), p a power of two: round j = 0, 1, ... exchanges n / 2^(j+1)
/// bytes with the rank 2^j away, and once more on the way back. Near ranks come first here, since
/// that is the tree; all ranks of a machine share its link in the rounds that leave it.
SumSeconds halving_doubling_seconds(Cluster const& cluster, Group group, double bytes);

/// The tree over `leaves` for a p that is no power of two: every rank sends its partial sums of
/// each slice to the rank that adds them up, then totals go round: (s + 1) (p - 1) / p n bytes from
/// each rank, where s is the most partial sums that one has. (Ours goes round by less loaded links
/// where there are such: this is the most it takes.)
SumSeconds partial_sums_seconds(Cluster const& cluster, Group group, double bytes, int leaves);

/// As `--allreduce own` does it: halving and doubling for powers of two, else the ring for
/// Order::free and partial sums for Order::tree. Zeros for one rank.
SumSeconds all_reduce_seconds(Cluster const& cluster, Group group, double bytes, comm::Order order,
                              int leaves);

}  // namespace canopy::train
