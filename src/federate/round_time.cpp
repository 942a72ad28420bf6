#include "canopy/federate/round_time.hpp"

#include <algorithm>
#include <map>

namespace canopy::federate {
namespace {

/// Seconds in which one rank sends so many bytes to each of some others, or takes them.
double fan(train::Cluster const& cluster, int centre, std::vector<int> const& others,
           double bytes) {
  double seconds = 0;
  for (auto const rank : others) {
    if (rank == centre) continue;
    auto const same = rank / cluster.ranks_per_node == centre / cluster.ranks_per_node;
    seconds += (same ? cluster.within : cluster.between).one_way.seconds(bytes);
  }
  return seconds;
}

/// By rank: clients that it trains, when they are dealt as evenly as can be.
std::map<int, int> deal_clients(RoleMap const& roles, int clients) {
  std::map<int, int> dealt;
  auto const combiners = static_cast<int>(roles.combiners.size());
  for (int j = 0; j < combiners; ++j) {
    auto const& ranks = roles.client_ranks[static_cast<std::size_t>(j)];
    auto const mine = (clients - j + combiners - 1) / combiners;
    for (int client = 0; client < mine; ++client)
      ++dealt[ranks[static_cast<std::size_t>(client) % ranks.size()]];
  }
  return dealt;
}

}  // namespace

RoundTime predict_round(RoleMap const& roles, RoundWork const& work,
                        train::Cluster const& cluster) {
  RoundTime time;
  double merges = 0;  // of all ranks
  for (std::size_t j = 0; j < roles.combiners.size(); ++j) {
    auto const& ranks = roles.client_ranks[j];
    auto const merging = static_cast<double>(ranks.size()) * work.merge_seconds;
    time.download =
        std::max(time.download, fan(cluster, roles.combiners[j], ranks, work.model_bytes));
    time.upload = std::max(time.upload, fan(cluster, roles.combiners[j], ranks, work.sum_bytes));
    time.aggregate = std::max(time.aggregate, merging);
    merges += merging;
  }
  if (roles.has_combiners) {
    auto const merging = static_cast<double>(roles.combiners.size()) * work.merge_seconds;
    time.download += fan(cluster, roles.reducer, roles.combiners, work.model_bytes);
    time.upload += fan(cluster, roles.reducer, roles.combiners, work.sum_bytes);
    time.aggregate += merging;
    merges += merging;
  }
  for (auto const& [rank, clients] : deal_clients(roles, work.clients))
    time.train = std::max(time.train, clients * work.seconds_per_client);
  time.compute = (work.clients * work.seconds_per_client + merges) / roles.ranks;
  return time;
}

}  // namespace canopy::federate
