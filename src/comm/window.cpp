#include "canopy/comm/window.hpp"

#include <algorithm>
#include <exception>

#include "canopy/core/error.hpp"

namespace canopy::comm {
namespace {

/// Collective. MPI_WIN_NULL on all ranks when any of them has none.
MPI_Win try_window(Communicator const& comm, std::size_t floats, float** base) {
  MPI_Win window = MPI_WIN_NULL;
  MPI_Comm_set_errhandler(comm.mpi(), MPI_ERRORS_RETURN);
  auto const bytes = static_cast<MPI_Aint>(floats * sizeof(float));
  int made = MPI_Win_allocate(bytes, sizeof(float), MPI_INFO_NULL, comm.mpi(), base, &window) ==
             MPI_SUCCESS;
  MPI_Allreduce(MPI_IN_PLACE, &made, 1, MPI_INT, MPI_MIN, comm.mpi());
  return made != 0 ? window : MPI_WIN_NULL;
}

}  // namespace

bool can_make_window(Communicator const& comm) {
  float* base = nullptr;
  auto window = try_window(comm.duplicate(), 1, &base);
  if (window == MPI_WIN_NULL) return false;
  MPI_Win_free(&window);
  return true;
}

FloatWindow::FloatWindow(Communicator const& comm, std::size_t mine) : comm_{comm.duplicate()} {
  float* base = nullptr;
  window_ = try_window(comm_, mine, &base);
  if (window_ == MPI_WIN_NULL)
    throw UserError{
        "this MPI makes no window for one-sided messages over this network: choose two-sided ones, "
        "or another component by OMPI_MCA_osc in the environment (pt2pt works over TCP)"};
  MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
  std::fill_n(base, mine, 0.0f);
  MPI_Win_sync(window_);
  comm_.barrier();
}

FloatWindow::~FloatWindow() {
  if (std::uncaught_exceptions() > 0) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

void FloatWindow::add(Rank to, std::size_t first, std::span<float const> floats) {
  auto const count = static_cast<int>(floats.size());
  MPI_Accumulate(floats.data(), count, MPI_FLOAT, to.value, static_cast<MPI_Aint>(first), count,
                 MPI_FLOAT, MPI_SUM, window_);
  MPI_Win_flush(to.value, window_);
}

void FloatWindow::get(Rank from, std::size_t first, std::span<float> into) {
  auto const count = static_cast<int>(into.size());
  MPI_Get(into.data(), count, MPI_FLOAT, from.value, static_cast<MPI_Aint>(first), count, MPI_FLOAT,
          window_);
  MPI_Win_flush(from.value, window_);
}

}  // namespace canopy::comm
