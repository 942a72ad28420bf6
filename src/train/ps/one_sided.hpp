#pragma once

#include <memory>
#include <vector>

#include "canopy/comm/window.hpp"

#include "ps/server.hpp"
#include "ps/worker.hpp"

namespace canopy::train {

/// What --ps-transport rma needs: no state of the optimizer, no bound. UserErrors with remedies.
void check_one_sided(Assignment const& assignment, Roles const& roles);

/// A server's part of the window: its slice, then for each worker how many updates it has finished
/// (whole numbers, exact up to 2^24).
class SliceWindow {
 public:
  /// Collective.
  SliceWindow(comm::Communicator const& comm, Roles const& roles);

  /// Reads the slice into its place in the arena, and returns the workers' numbers.
  std::span<float const> read(int server, std::span<float> arena);
  std::span<float const> read_finished(int server);
  /// Adds the slice of an arena of differences.
  void add(int server, std::span<float const> differences);
  void finish(int server, int worker);
  /// Collective, once: servers put their slices of `arena` in, before anybody reads.
  void fill(std::span<float const> arena);

 private:
  comm::Communicator comm_;
  Roles roles_;
  comm::FloatWindow window_;
  std::vector<float> finished_;
  bool filled_ = false;
};

/// Reads slices, makes an update of its own, and adds the differences to the slices where they are
/// (comm::FloatWindow): no server takes part, additions of workers mix number by number, as in
/// Hogwild (Niu et al. 2011).
class OneSidedWorker : public Worker {
 public:
  OneSidedWorker(Assignment const& assignment, Roles roles, double timeout);
  void perform(Update const& update) override;

 private:
  std::int64_t read();
  void write(std::int64_t seen);

  SliceWindow window_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  std::vector<float> differences_;  ///< an arena: the old weights, then what to add
};

/// Lends its memory, and looks now and then who has finished what, which also moves messages on.
class OneSidedServer : public Server {
 public:
  OneSidedServer(Assignment const& assignment, Roles roles, double timeout);
  void perform(Update const& update) override;
  void collect() override;

 private:
  SliceWindow window_;
  std::int64_t performed_ = 0;
};

}  // namespace canopy::train
