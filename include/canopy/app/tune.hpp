#pragma once

#include <functional>
#include <span>
#include <string>

#include "canopy/app/common.hpp"
#include "canopy/app/tune_simulation.hpp"
#include "canopy/comm/communicator.hpp"
#include "canopy/data/source.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/tune/search.hpp"

namespace canopy::app {

struct TuneSettings {
  CommonSettings common;
  data::Source source;
  /// Share of the rows kept out of the whole search, on which the final model is scored. A search
  /// has its folds, so by default every row takes part and the final model learns from all.
  double test_size = 0;
  tune::SearchSettings search;
  SimulationSettings simulation;

  void describe(Options& options);
  /// UserError when two settings do not go together, or one was set that can have no effect.
  void check() const;
};

/// Collective. Searches, refits the best configuration on all rows, and writes the run file. What
/// is returned is that record on the root; elsewhere only status and exit code are filled in.
/// `before_task` is called on a worker before each task: tests put delays there.
record::RunRecord run(comm::Communicator const& comm, TuneSettings const& settings,
                      std::function<void()> const& before_task = {});

/// `canopy tune`: the command line in, the exit status out.
int run_tune(comm::Communicator const& comm, std::span<std::string const> words);

}  // namespace canopy::app
