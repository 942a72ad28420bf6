#pragma once

#include <string>

#include "canopy/core/progress.hpp"
#include "canopy/federate/federation.hpp"

namespace canopy::app {

/// What a person sees of a federation while it runs: one line for every round.
class FederateView {
 public:
  FederateView(ProgressMode mode, std::int64_t rounds) : progress_{mode}, rounds_{rounds} {}

  void round(federate::RoundRow const& row);
  void idle(std::int64_t rounds_done);
  void warn(std::string const& text) { progress_.warn(text); }

 private:
  Progress progress_;
  std::int64_t rounds_;
  Stopwatch clock_;
};

/// The lines printed at the end.
std::string federate_summary(federate::FederationState const& state, std::string const& network,
                             int clients, double seconds);

}  // namespace canopy::app
