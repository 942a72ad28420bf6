#include "canopy/app/train.hpp"

#include "canopy/app/distributed.hpp"
#include "canopy/core/output_file.hpp"

#include "train_by_rows.hpp"
#include "train_by_trees.hpp"
#include "train_network.hpp"

namespace canopy::app {

record::RunRecord run(comm::Communicator const& comm, TrainSettings const& settings,
                      std::function<void()> const& before_block) {
  comm.together("settings", [&] {
    settings.check();
    if (comm.is_root()) check_output("--trace", settings.network.trace, ".json");
  });
  if (!settings.is_forest()) return run_network(comm, settings);
  if (settings.rows_sharded) return run_by_rows(comm, settings);
  return run_by_trees(comm, settings, before_block);
}

int run_train(comm::Communicator const& comm, std::span<std::string const> words) {
  TrainSettings settings;
  if (!read_settings(comm, "train",
                     "Trains one model over MPI ranks: the trees of a forest, or the parts of each "
                     "batch of a network, are dealt to all of them, the root included.",
                     settings, words))
    return 0;
  return run(comm, settings).exit_code;
}

}  // namespace canopy::app
