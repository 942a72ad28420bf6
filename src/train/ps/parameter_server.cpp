#include "ps/parameter_server.hpp"

#include "canopy/core/error.hpp"

#include "ps/one_sided.hpp"
#include "ps/server.hpp"
#include "ps/worker.hpp"

namespace canopy::train {

std::unique_ptr<Strategy> make_parameter_server(Assignment const& a, double timeout) {
  auto const roles = deal_roles(a);
  auto const serves = roles.is_server(a.comm.rank());
  if (a.options.ps_transport == "rma") {
    check_one_sided(a, roles);
    if (serves) return std::make_unique<OneSidedServer>(a, roles, timeout);
    return std::make_unique<OneSidedWorker>(a, roles, timeout);
  }
  if (a.options.ps_transport != "messages")
    throw UserError{"--ps-transport is " + a.options.ps_transport + ", expected messages or rma"};
  if (roles.is_synchronous()) {
    if (serves) return std::make_unique<SyncServer>(a, roles, timeout);
    return std::make_unique<SyncWorker>(a, roles, timeout);
  }
  if (serves) return std::make_unique<StaleServer>(a, roles, timeout);
  return std::make_unique<StaleWorker>(a, roles, timeout);
}

}  // namespace canopy::train
