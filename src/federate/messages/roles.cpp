#include "canopy/federate/roles.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::federate {
namespace {

/// `others`: ranks of reducer and combiners.
void check_groups(int ranks, int others, int combiners, int ranks_per_client) {
  auto const spare = ranks - others;
  if (ranks_per_client == 1 ||
      (spare % ranks_per_client == 0 && spare / ranks_per_client >= combiners))
    return;
  auto const groups = std::max(combiners, (spare + ranks_per_client - 1) / ranks_per_client);
  throw UserError{fmt::format(
      "--ranks-per-client is {} but {} of {} rank{} are left to clients beside reducer and "
      "combiners, expected {} or more that {} divides; start {} ranks, or lower it",
      ranks_per_client, std::max(spare, 0), ranks, ranks == 1 ? "" : "s",
      combiners * ranks_per_client, ranks_per_client, others + groups * ranks_per_client)};
}

}  // namespace

RoleMap make_roles(Layout layout, int combiners, int ranks, int ranks_per_client) {
  RoleMap map;
  map.ranks = ranks;
  map.ranks_per_client = ranks_per_client;
  map.has_combiners = layout != Layout::flat;
  auto const count = layout == Layout::tree ? std::max(combiners, 1) : 1;
  // The combiner of a flat layout is a part of the reducer.
  auto const others = map.has_combiners ? count + 1 : 1;
  check_groups(ranks, others, count, ranks_per_client);
  for (int j = 0; j < count; ++j)
    map.combiners.push_back(map.has_combiners ? (1 + j) % ranks : map.reducer);
  map.client_ranks.resize(static_cast<std::size_t>(count));
  auto const spare = ranks - others;
  for (int j = 0; j < count; ++j) {
    auto& mine = map.client_ranks[static_cast<std::size_t>(j)];
    if (spare <= 0)
      mine = {(others + j) % ranks};
    else if (spare < count)
      mine = {others + j % spare};
    else
      for (int rank = others + j * ranks_per_client; rank < ranks; rank += count * ranks_per_client)
        mine.push_back(rank);
  }
  return map;
}

std::vector<std::vector<int>> RoleMap::groups() const {
  std::vector<std::vector<int>> result;
  for (auto const& mine : client_ranks)
    for (auto const first : mine) {
      result.emplace_back(static_cast<std::size_t>(ranks_per_client));
      std::iota(result.back().begin(), result.back().end(), first);
    }
  std::ranges::sort(result);
  return result;
}

std::string RoleMap::roles_of(int rank) const {
  std::vector<std::string> words;
  if (rank == reducer) words.push_back("reducer");
  if (has_combiners)
    for (std::size_t j = 0; j < combiners.size(); ++j)
      if (combiners[j] == rank) words.push_back("combiner " + std::to_string(j + 1));
  auto const all = groups();
  auto const mine = std::ranges::find_if(
      all, [rank](auto const& group) { return std::ranges::find(group, rank) != group.end(); });
  if (mine != all.end()) words.push_back("clients");
  if (mine != all.end() && ranks_per_client > 1)
    words.push_back(fmt::format("group {}", mine - all.begin() + 1));
  return text::join(words, ", ");
}

Table roles_table(RoleMap const& roles, std::vector<std::string> const& hosts) {
  Table table{"layout"};
  table.column("rank", Table::Type::integer).column("host", Table::Type::text);
  table.column("roles", Table::Type::text);
  for (int rank = 0; rank < roles.ranks; ++rank)
    table.add({std::int64_t{rank}, hosts[static_cast<std::size_t>(rank)], roles.roles_of(rank)});
  return table;
}

}  // namespace canopy::federate
