#pragma once

#include <string>
#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/federate/clients.hpp"
#include "canopy/federate/federation.hpp"
#include "canopy/federate/roles.hpp"
#include "canopy/federate/state.hpp"

namespace canopy::app {

/// What each client has done so far, and what an update takes its device: to fetch the model, train
/// and send.
Table clients_table(federate::Federation const& federation, federate::Clients const& clients,
                    federate::RoleMap const& roles);
/// One row for each combiner; none in a flat layout.
Table combiners_table(federate::FederationState const& state, int clients,
                      federate::RoleMap const& roles, std::vector<std::string> const& hosts);

}  // namespace canopy::app
