#include "canopy/train/plan/cluster.hpp"

#include <algorithm>
#include <bit>

namespace canopy::train {
namespace {

/// Of the group, at most.
int members_per_node(Cluster const& cluster, Group group) {
  return std::clamp(cluster.ranks_per_node / group.stride, 1, group.ranks);
}

double added(Cluster const& cluster, double copies, double bytes) {
  return copies * bytes * cluster.add_per_byte;
}

}  // namespace

bool crosses_machines(Cluster const& cluster, Group group) {
  return group.ranks > 1 && group.ranks * group.stride > cluster.ranks_per_node;
}

SumSeconds ring_seconds(Cluster const& cluster, Group group, double bytes) {
  if (group.ranks == 1) return {};
  double const p = group.ranks;
  auto const slice = bytes / p;
  auto round = members_per_node(cluster, group) > 1 ? cluster.within.both_ways.seconds(slice) : 0;
  if (crosses_machines(cluster, group)) {
    auto const sharing = std::min(group.stride, cluster.ranks_per_node);
    round = std::max(round, cluster.between.both_ways.seconds(slice * sharing));
  }
  return {2 * (p - 1) * round, added(cluster, (p - 1) / p, bytes)};
}

SumSeconds halving_doubling_seconds(Cluster const& cluster, Group group, double bytes) {
  SumSeconds sum;
  for (int distance = 1; distance < group.ranks; distance *= 2) {
    auto const half = bytes / (2 * distance);
    auto const leaves_machine = distance * group.stride >= cluster.ranks_per_node;
    auto const one = leaves_machine
                         ? cluster.between.both_ways.seconds(half * cluster.ranks_per_node)
                         : cluster.within.both_ways.seconds(half);
    sum.wire += 2 * one;
    sum.adds += added(cluster, 1, half);
  }
  return sum;
}

SumSeconds partial_sums_seconds(Cluster const& cluster, Group group, double bytes, int leaves) {
  if (group.ranks == 1) return {};
  std::size_t most = 0;
  for (int rank = 0; rank < group.ranks; ++rank)
    most = std::max(most, comm::subtrees_of(comm::leaves_of(leaves, group.ranks, rank)).size());
  double const p = group.ranks;
  auto const all = static_cast<double>(comm::subtrees_of_all(leaves, group.ranks).size());
  auto const sums = static_cast<double>(most);
  auto const crosses = crosses_machines(cluster, group);
  auto const& line = crosses ? cluster.between.both_ways : cluster.within.both_ways;
  auto const sharing = crosses ? std::min(cluster.ranks_per_node, group.ranks * group.stride) : 1;
  return {(p - 1) * (line.seconds(sums * bytes / p * sharing) + line.seconds(bytes / p * sharing)),
          added(cluster, (all - 1) / p, bytes)};
}

SumSeconds all_reduce_seconds(Cluster const& cluster, Group group, double bytes, comm::Order order,
                              int leaves) {
  if (std::has_single_bit(static_cast<unsigned>(group.ranks)))
    return halving_doubling_seconds(cluster, group, bytes);
  if (order == comm::Order::free) return ring_seconds(cluster, group, bytes);
  return partial_sums_seconds(cluster, group, bytes, leaves);
}

}  // namespace canopy::train
