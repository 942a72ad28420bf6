#pragma once

#include <cstddef>
#include <span>

#include <mpi.h>

#include "canopy/comm/communicator.hpp"

namespace canopy::comm {

/// Collective. Whether MPI can make a window that ranks of other machines write to. Over TCP that
/// depends on Open MPI's component: 4.1's osc/ucx fails there, osc/pt2pt works (see Environment).
bool can_make_window(Communicator const& comm);

/// Floats on every rank that others add to and read without its help in the program (MPI 3.1,
/// chapter 11). A target still moves messages only inside MPI calls: it should poll. Each float is
/// added to atomically; a read may see some floats before and others after an addition.
class FloatWindow {
 public:
  /// Collective. `mine` floats, all 0, on this rank. Throws UserError if can_make_window is false.
  FloatWindow(Communicator const& comm, std::size_t mine);
  FloatWindow(FloatWindow const&) = delete;
  FloatWindow& operator=(FloatWindow const&) = delete;
  ~FloatWindow();  ///< collective, unless an exception is on its way

  /// Adds `floats` to those of rank `to` from `first` on; done there when it returns.
  void add(Rank to, std::size_t first, std::span<float const> floats);
  /// Reads floats of rank `from`, from its `first` on. Either may be this rank itself.
  void get(Rank from, std::size_t first, std::span<float> into);

 private:
  Communicator comm_;
  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace canopy::comm
