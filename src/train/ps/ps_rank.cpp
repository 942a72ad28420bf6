#include "ps/ps_rank.hpp"

#include <algorithm>
#include <string>

namespace canopy::train {
namespace {

/// Servers wait for workers, and workers for servers.
std::vector<comm::Rank> peers_of(comm::Communicator const& comm, Roles const& roles) {
  std::vector<comm::Rank> peers;
  for (int rank = 0; rank < comm.size(); ++rank)
    if (roles.is_server({rank}) != roles.is_server(comm.rank())) peers.push_back({rank});
  return peers;
}

void add_rows(Table& table, std::int64_t rank, std::vector<std::int64_t> const& counts) {
  for (std::size_t number = 0; number < counts.size(); ++number)
    if (counts[number] > 0) table.add({rank, static_cast<std::int64_t>(number), counts[number]});
}

}  // namespace

PsRank::PsRank(Assignment const& a, Roles roles, double timeout)
    : requests_{a.comm.duplicate()},
      comm_{a.comm},
      plan_{a.plan},
      roles_{std::move(roles)},
      pulse_{a.comm, timeout, peers_of(a.comm, roles_)},
      watch_{a.comm, pulse_},
      arena_(a.network.arena_size()) {}

void PsRank::count(Counts& counts, std::int64_t number) {
  auto const place = static_cast<std::size_t>(number);
  if (counts.size() <= place) counts.resize(place + 1);
  ++counts[place];
}

void PsRank::collect() {
  pulse_.settle();
  std::vector<float> mine;
  if (roles_.is_server(comm_.rank())) {
    auto const slice = roles_.slices[static_cast<std::size_t>(comm_.rank().value - roles_.workers)];
    mine.assign(arena_.begin() + static_cast<std::ptrdiff_t>(slice.begin),
                arena_.begin() + static_cast<std::ptrdiff_t>(slice.end));
  }
  std::vector<float> whole;  // slices are ascending, as their servers are
  for (auto const& slice : comm_.gather(mine))
    whole.insert(whole.end(), slice.begin(), slice.end());
  std::ranges::copy(comm_.broadcast(whole), arena_.begin());
}

std::vector<Table> PsRank::reports() {
  auto const all = comm_.gather(seen_);
  if (!comm_.is_root()) return {};
  Table staleness{"staleness"};
  staleness.column("rank", Table::Type::integer).column("staleness", Table::Type::integer);
  staleness.column("pushes", Table::Type::integer);
  Table leads{"leads"};
  leads.column("rank", Table::Type::integer).column("lead", Table::Type::integer);
  leads.column("updates", Table::Type::integer);
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    add_rows(staleness, static_cast<std::int64_t>(rank), all[rank].staleness);
    add_rows(leads, static_cast<std::int64_t>(rank), all[rank].leads);
  }
  return {staleness, leads};
}

}  // namespace canopy::train
