#pragma once

#include <string>
#include <vector>

#include "canopy/app/plan.hpp"

#include "calibration.hpp"

namespace canopy::app {

/// A row of /plan.
struct PlannedRun {
  std::string layout;
  int np = 1;
  int nodes = 1;
  double seconds = 0;
  double compute = 0;  ///< seconds, mean over ranks; as are the next three
  double exposed = 0;
  double idle = 0;
  double bubble = 0;
  double memory = empty_cell;  ///< bytes
};

/// Predictions by one calibration.
class Planner {
 public:
  /// Both must outlive it. DataError when --tasks-of names no finished search.
  Planner(PlanSettings const& settings, Calibration const& calibration);

  int ranks_per_node() const;
  /// On machines with so many ranks each. UserError when the layout cannot divide them, or a link
  /// is needed that was not measured.
  PlannedRun predict(std::string const& layout, int np, int ranks_per_node) const;

 private:
  train::Cluster cluster(int ranks_per_node) const;
  /// UserError when messages would go where none were measured.
  void check_links(int np, int ranks_per_node) const;
  void predict_network(PlannedRun& run, train::Cluster const& cluster) const;
  void predict_trees(PlannedRun& run) const;
  void predict_rounds(PlannedRun& run, train::Cluster const& cluster) const;
  void predict_farm(PlannedRun& run) const;

  PlanSettings const& settings_;
  Calibration const& calibration_;
  std::vector<double> tasks_;  ///< seconds of folds
};

}  // namespace canopy::app
