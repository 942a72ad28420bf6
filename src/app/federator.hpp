#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "canopy/app/federate.hpp"
#include "canopy/federate/federation.hpp"

#include "federate_view.hpp"
#include "network_task.hpp"
#include "run_parts.hpp"
#include "run_tables.hpp"

namespace canopy::app {

/// Everything that is known before the first round, the same on every rank.
struct FederateProblem {
  data::Samples samples;
  NetworkRows rows;
  nn::Network network;
  nn::Standardisation standardisation;
  federate::Clients clients;
  federate::RoleMap roles;
  std::vector<float> seed;  ///< root: the model to begin with; empty: a fresh one
};

/// One run, on the root, which is the reducer's rank and owns the files.
class Federator {
 public:
  Federator(FederateSettings const& settings, SharedSamples const& data,
            FederateProblem const& problem, std::vector<std::string> hosts, Phases& phases,
            federate::Federation& federation);

  record::RunRecord run();

 private:
  // how it begins
  federate::FederationState take_up();
  federate::FederationState state_at_start();
  std::vector<std::pair<std::string, std::int64_t>> scale() const;
  void check_scale(NamedArrays const& earlier) const;
  void take_records(record::RunRecord const& earlier);
  void greet() const;
  // while it runs
  federate::FederationHooks hooks();
  bool interrupted();
  void event(std::string kind, std::string text);
  // what it leaves
  record::RunRecord make_record(std::string status, int exit_code,
                                federate::FederationState const& state) const;
  Table sessions_table(std::string const& status, federate::FederationState const& state) const;
  record::RunRecord write_interrupted(federate::FederationState const& state);
  record::RunRecord interrupt();
  record::RunRecord give_up(std::string const& why);
  record::RunRecord finish();

  FederateSettings const& settings_;
  SharedSamples const& data_;
  FederateProblem const& problem_;
  std::vector<std::string> hosts_;
  Phases& phases_;
  federate::Federation& federation_;
  std::optional<double> allocation_;
  RunIdentity identity_;
  RunStart start_;
  std::optional<FederateView> view_;
  std::vector<Event> events_;                   ///< of all sessions
  std::vector<federate::SessionRow> sessions_;  ///< the last one is this
  std::vector<comm::RankUse> uses_;
};

}  // namespace canopy::app
