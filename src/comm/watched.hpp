#pragma once

#include <string_view>

#include <mpi.h>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// Until a collective that does not block is done, with the patience of who watches the
/// communicator; without end where nobody does.
void finish(Communicator const& comm, MPI_Request& request, std::string_view awaited);

}  // namespace canopy::comm
