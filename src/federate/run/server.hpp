#pragma once

#include <memory>
#include <string>
#include <vector>

#include "canopy/federate/federation.hpp"

#include "messages/office.hpp"

namespace canopy::federate {

/// What the reducer works with, whether in rounds or asynchronously.
struct Server {
  FederationTask const& task;
  RoleMap const& roles;
  Aggregator& aggregator;
  Office& office;
  Devices devices;
  std::unique_ptr<Selector> selector;
  FederationState state = {};
  FederationHooks hooks = {};
  std::int64_t last_job = 0;
  bool is_whole = true;  ///< whether the state is as the last round left it

  Server(FederationTask const& task, RoleMap const& roles, Aggregator& aggregator, Office& office);

  FederationOptions const& options() const { return task.options; }
  /// What a device moves for one update.
  double bytes_down() const;
  double bytes_up() const;
  /// A client's training, from its rows and the options; without its share.
  Task training(int client, std::int64_t number) const;
  /// What dispatch `number` of a client takes.
  Dispatch dispatch(int client, std::int64_t number) const;
  /// An empty job on this model.
  Job job(std::vector<float> model, double lr);

  void event(std::string const& kind, std::string const& text) const;
  void note_rejected(Report const& report, std::int64_t round) const;
  /// The row of somebody's part in a round, and of one who has worked out an update.
  UpdateRow update_row(Participant const& part) const;
  UpdateRow update_row(Report const& report, Participant const& part) const;
  /// Takes somebody's part into the records of the round.
  void note(UpdateRow update, RoundRow& round);
  /// Takes how combiners spent their time into the records of the round that is not yet over.
  void note(std::vector<CombinerUse> const& uses);
  /// Tells the selector; `seconds` of virtual time.
  void observe(UpdateRow const& row, double seconds);
  /// Adds the state's model to the trail, and its id to the row.
  void add_model(RoundRow& row, std::vector<int> const& cohort);
  /// If the round is one of those: the model on the test rows, and on the rows of clients.
  void evaluate_if_due(RoundRow& row, std::vector<int> const& cohort);
  /// Whether the last round was that, or came to the target.
  bool is_done() const;
  /// The round is over.
  void close(RoundRow const& row);
  /// The first time from now on at which some client that `may` be asked is there.
  double next_available(std::function<bool(int)> const& may) const;

 private:
  CombinerRow& combiner_row(std::int64_t combiner);
  void evaluate(RoundRow& row, std::vector<int> const& cohort);
};

}  // namespace canopy::federate
