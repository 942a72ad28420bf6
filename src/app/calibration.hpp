#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "canopy/record/run_record.hpp"
#include "canopy/train/plan/cluster.hpp"
#include "canopy/train/plan/model_costs.hpp"

/// What `canopy calibrate` measures and `canopy plan` reads: the tables of its run file.
///
///   /links    link first second first_host second_host ways bytes seconds least most
///             (link: within, between machines; ways: one, both)
///   /kernels  kernel model layer amount unit seconds least most per_second
///             (input, forward, loss, backward, weights of a model by rows of a micro-batch;
///             update: the optimizer; aggregate: an update in a sum; merge: two sums; add: floats
///             in bytes; tree; task: what rank 0 does for each one of a farm)
///   /models   model channels height width classes parameters optimizer optimizer_states layers
///   /sums     allreduce order ranks bytes seconds best predicted relative_error
///   /updates  model batch ranks seconds least most predicted relative_error    (data-parallel
///   ones)
namespace canopy::app {

/// A median and how far measurements were from it.
struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
};

/// A row of /kernels.
struct KernelTime {
  std::string kernel;
  std::string model;  ///< empty: of none
  int layer = 0;      ///< from 1; 0: of none
  double amount = 1;
  std::string unit;  ///< of the amount
  Spread seconds;
};

/// Of at least one value.
Spread spread_of(std::vector<double> values);

Table kernels_table(std::vector<KernelTime> const& kernels);

/// Links, kernels and models as lines through what was measured.
struct Calibration {
  train::Cluster cluster;  ///< ranks_per_node as it was when measured
  bool has_within = false;
  bool has_between = false;
  std::map<std::string, train::ModelCosts> models;
  std::map<std::string, train::Line> aggregate;  ///< by model; amounts are parameters
  std::map<std::string, train::Line> merge;
  std::optional<train::Line> tree;  ///< amounts are rows
  double task_seconds = 0;          ///< of rank 0

  /// UserError naming those that there are.
  train::ModelCosts const& model(std::string const& name) const;
};

/// For people, what a calibration found.
std::string calibration_summary(Calibration const& calibration);

/// `name` is for errors. DataError when the run is not a finished calibration.
Calibration calibration_of(record::RunRecord const& run, std::string const& name);

}  // namespace canopy::app
