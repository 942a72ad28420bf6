#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "canopy/app/common.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/train/network/strategy.hpp"

namespace canopy::app {

/// What is to be predicted, from which measurements.
struct PlanSettings {
  CommonSettings common;
  std::string calibration;  ///< run file of canopy calibrate
  std::string command = "train";
  std::vector<int> np{1, 2, 4, 8};
  std::optional<int> ranks_per_node;        ///< None: as it was when measured
  std::optional<double> network_latency;    ///< seconds; None: as measured, as is the next one
  std::optional<double> network_bandwidth;  ///< bytes per second, of each direction
  std::string measured;                     ///< run file of canopy scaling collect; empty: none
  std::vector<std::string> layout;          ///< empty: data, flat or farm

  std::string model = "cnn";
  std::int64_t train_rows = 60'000;
  int batch_size = 64;
  int epochs = 1;
  train::StrategyOptions strategy;  ///< but for `parallel`
  int trees = 100;

  int clients = 10;  ///< that train in a round
  std::int64_t client_rows = 600;
  int local_epochs = 1;
  std::int64_t rounds = 10;
  int combiners = 1;

  std::string tasks_of;  ///< run file of canopy tune; empty: equal tasks
  int tasks = 50;
  double task_seconds = 1;

  void describe(Options& options);
  /// The layouts that are planned. UserError when one is of another command.
  std::vector<std::string> layouts() const;
};

/// Predicts every layout on every number of ranks by the formulae of train/plan, federate and tune,
/// and writes a run file with the tables
///   /plan      command layout np nodes seconds speed_up efficiency compute exposed_comm idle
///   bubble
///              memory    (seconds: of the phase fit, federate or search; speed-up over one rank;
///              compute, exposed_comm, idle: shares of the time of all ranks; bubble: of idle what
///              a pipeline's schedule makes; memory: bytes on the fullest rank, empty where not
///              known)
///   /measured  layout np nodes predicted measured least most relative_error    (with --measured)
record::RunRecord run(PlanSettings const& settings);

/// `canopy plan`: the command line in, the exit status out. One process.
int run_plan(std::span<std::string const> words);

}  // namespace canopy::app
