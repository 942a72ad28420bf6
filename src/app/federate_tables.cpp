#include "federate_tables.hpp"

#include <algorithm>

namespace canopy::app {

Table clients_table(federate::Federation const& federation, federate::Clients const& clients,
                    federate::RoleMap const& roles) {
  Table table{"clients"};
  table.column("client", Table::Type::integer).column("rows", Table::Type::integer);
  table.column("combiner", Table::Type::integer).column("updates", Table::Type::integer);
  table.column("dropped", Table::Type::integer).column("last_round", Table::Type::integer);
  table.column("real_seconds", Table::Type::real).column("virtual_seconds", Table::Type::real);
  for (auto const* name : {"download_seconds", "train_seconds", "upload_seconds"})
    table.column(name, Table::Type::real);
  struct Sum {
    std::int64_t updates = 0, dropped = 0, last_round = 0;
    double real = 0, virtually = 0;
  };
  std::vector<Sum> sums(static_cast<std::size_t>(clients.count()));
  for (auto const& row : federation.state().updates) {
    auto& sum = sums[static_cast<std::size_t>(row.client)];
    if (row.weight > 0) ++sum.updates;
    if (row.is_dropped()) ++sum.dropped;
    sum.last_round = row.round;
    sum.real += row.real_seconds;
    sum.virtually += row.virtual_end - row.virtual_begin;
  }
  for (int client = 0; client < clients.count(); ++client) {
    auto const& sum = sums[static_cast<std::size_t>(client)];
    auto const trip = federation.trip(client);
    table.add({std::int64_t{client}, clients.rows(client),
               std::int64_t{roles.has_combiners ? roles.combiner_of(client) + 1 : 0}, sum.updates,
               sum.dropped, sum.last_round, sum.real, sum.virtually, trip.download, trip.train,
               trip.upload});
  }
  return table;
}

Table combiners_table(federate::FederationState const& state, int clients,
                      federate::RoleMap const& roles, std::vector<std::string> const& hosts) {
  Table table{"combiners"};
  table.column("combiner", Table::Type::integer).column("rank", Table::Type::integer);
  table.column("host", Table::Type::text).column("client_ranks", Table::Type::integer);
  table.column("clients", Table::Type::integer).column("updates", Table::Type::integer);
  for (std::size_t j = 0; roles.has_combiners && j < roles.combiners.size(); ++j) {
    auto const number = static_cast<std::int64_t>(j) + 1;
    auto const count = static_cast<std::int64_t>(roles.combiners.size());
    table.add(
        {number, std::int64_t{roles.combiners[j]},
         hosts[static_cast<std::size_t>(roles.combiners[j])],
         std::ssize(roles.client_ranks[j]) * roles.ranks_per_client,
         (clients - number + count) / count,
         std::int64_t{std::ranges::count(state.updates, number, &federate::UpdateRow::combiner)}});
  }
  return table;
}

}  // namespace canopy::app
