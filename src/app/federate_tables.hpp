#pragma once

#include <string>
#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/federate/clients.hpp"
#include "canopy/federate/roles.hpp"
#include "canopy/federate/state.hpp"

namespace canopy::app {

/// What each client has done so far.
Table clients_table(federate::FederationState const& state, federate::Clients const& clients,
                    federate::RoleMap const& roles);
/// One row for each combiner; none in a flat layout.
Table combiners_table(federate::FederationState const& state, int clients,
                      federate::RoleMap const& roles, std::vector<std::string> const& hosts);

}  // namespace canopy::app
