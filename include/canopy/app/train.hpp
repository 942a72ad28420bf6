#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "canopy/app/common.hpp"
#include "canopy/app/network_settings.hpp"
#include "canopy/comm/communicator.hpp"
#include "canopy/data/source.hpp"
#include "canopy/forest/parameters.hpp"
#include "canopy/record/run_record.hpp"

namespace canopy::app {

struct TrainSettings {
  CommonSettings common;
  data::Source source;
  std::string model = "forest";
  /// Share of the rows that the model is scored on instead of learning from them.
  /// None: 0.2, or 0 for data that come with a test set.
  std::optional<double> test_size;
  std::string scoring = "accuracy";
  std::optional<double> walltime;
  forest::ForestParameters forest;  ///< its `kind` follows from `model`
  /// How often each feature of a forest is shuffled for its permutation importance.
  int permutation_repeats = 0;
  /// Rows, not trees, are dealt to the ranks.
  bool rows_sharded = false;
  NetworkSettings network;

  void describe(Options& options);
  bool is_forest() const { return model == "forest" || model == "extra_trees"; }
  /// Throws UserError for options of the other kind of model, and for what does not go together.
  void check() const;
};

/// Collective. Trains one model, a forest with its trees (or rows) dealt to all ranks or a network
/// by one of train::strategies(), and writes the run file. What is returned is that record on the
/// root; elsewhere only status and exit code are filled in. `before_block` is called on a rank
/// before it grows a block of trees: tests put delays there.
record::RunRecord run(comm::Communicator const& comm, TrainSettings const& settings,
                      std::function<void()> const& before_block = {});

/// `canopy train`: the command line in, the exit status out.
int run_train(comm::Communicator const& comm, std::span<std::string const> words);

}  // namespace canopy::app
