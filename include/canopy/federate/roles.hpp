#pragma once

#include <array>
#include <string>
#include <vector>

#include "canopy/core/options.hpp"
#include "canopy/core/table.hpp"

namespace canopy::federate {

/// fedn: a reducer, one combiner and a client per remaining rank, as FEDn's MNIST example on three
/// machines. flat: no combiner. tree: as many combiners as asked for.
enum class Layout { fedn, flat, tree };

}  // namespace canopy::federate

namespace canopy {

template <>
struct Names<federate::Layout> {
  static constexpr std::array value{"fedn", "flat", "tree"};
};

}  // namespace canopy

namespace canopy::federate {

/// Which rank does what. A rank may have several roles; with one rank it has them all. Clients are
/// data, not processes: client k belongs to combiner k mod combiners, and a combiner deals its
/// clients to its client ranks. With several ranks per client these are the first ones of groups of
/// neighbouring ranks, which train a client together.
struct RoleMap {
  int ranks = 1;
  int ranks_per_client = 1;
  bool has_combiners = true;  ///< flat: the reducer deals by itself, as its only combiner
  int reducer = 0;
  std::vector<int> combiners;                  ///< rank of each
  std::vector<std::vector<int>> client_ranks;  ///< by combiner, ascending

  int combiner_of(int client) const { return client % static_cast<int>(combiners.size()); }
  /// The ranks of all groups, each group's first rank first; with one rank per client, each alone.
  std::vector<std::vector<int>> groups() const;
  /// "combiner 1, clients"; of a group's ranks "clients, group 2"
  std::string roles_of(int rank) const;
};

/// With fewer ranks than roles (combiners + 2), roles are dealt to ranks in turn. UserError when
/// there are several ranks per client and the ranks beside reducer and combiners are no such
/// groups, one at least for every combiner.
RoleMap make_roles(Layout layout, int combiners, int ranks, int ranks_per_client = 1);

/// Columns rank host roles.
Table roles_table(RoleMap const& roles, std::vector<std::string> const& hosts);

}  // namespace canopy::federate
