#include "canopy/federate/roles.hpp"

#include <algorithm>

#include "canopy/core/text.hpp"

namespace canopy::federate {

RoleMap make_roles(Layout layout, int combiners, int ranks) {
  RoleMap map;
  map.ranks = ranks;
  map.has_combiners = layout != Layout::flat;
  auto const count = layout == Layout::tree ? std::max(combiners, 1) : 1;
  // The combiner of a flat layout is a part of the reducer.
  auto const others = map.has_combiners ? count + 1 : 1;
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
      for (int rank = others + j; rank < ranks; rank += count) mine.push_back(rank);
  }
  return map;
}

std::string RoleMap::roles_of(int rank) const {
  std::vector<std::string> words;
  if (rank == reducer) words.push_back("reducer");
  if (has_combiners)
    for (std::size_t j = 0; j < combiners.size(); ++j)
      if (combiners[j] == rank) words.push_back("combiner " + std::to_string(j + 1));
  for (auto const& mine : client_ranks)
    if (std::ranges::find(mine, rank) != mine.end()) {
      words.push_back("clients");
      break;
    }
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
