#pragma once

#include <boost/mpi/exception.hpp>
#include <mpi.h>

namespace canopy::comm {

/// Takes one look, which also moves messages on. A request that is not active counts as done; one
/// that failed brought nothing, and throws boost::mpi::exception.
inline bool is_done(MPI_Request& request) {
  int done = 0;
  BOOST_MPI_CHECK_RESULT(MPI_Test, (&request, &done, MPI_STATUS_IGNORE));
  return done != 0;
}

/// For a receive whose message will not be wanted any more.
inline void call_off(MPI_Request& request) {
  if (request == MPI_REQUEST_NULL) return;
  MPI_Cancel(&request);
  MPI_Request_free(&request);
}

/// For a send that nobody will ask about any more.
inline void let_go(MPI_Request& request) {
  if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
}

}  // namespace canopy::comm
