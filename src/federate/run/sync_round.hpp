#pragma once

#include "run/server.hpp"

namespace canopy::federate {

/// One round in which clients set out together from the same model.
class SyncRound {
 public:
  explicit SyncRound(Server& server);
  void perform();

 private:
  void choose();
  void settle_round();
  Job plan() const;
  double planned_weight(int client) const;
  void train();
  void take_report(Report const& report, std::vector<float> const* update);
  void hold(UpdateRow const& row, double number, std::vector<float> const& update);
  void reject(Report const& report);
  void contribute(UpdateRow row, double number, std::vector<float> const* update);
  void take_carried();
  void note_absent();
  void apply();
  void count_bytes();

  Participant const& participant(int client) const;
  double weight_of(int client) const;

  Server& server_;
  std::int64_t number_;
  Stopwatch clock_;
  std::vector<Dispatch> cohort_;
  RoundOutcome outcome_;
  std::vector<int> counting_;  ///< clients whose updates are to be aggregated, ascending
  std::vector<int> rejected_;
  std::vector<double> of_combiner_;  ///< weight of those
  double total_ = 0;
  UpdateSum sum_;
  RoundSum result_;
  double arrived_ = 0;
  nn::Loss loss_;
  std::int64_t seen_ = 0;
  RoundRow row_;
};

}  // namespace canopy::federate
