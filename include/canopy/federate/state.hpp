#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/core/table.hpp"
#include "canopy/federate/records.hpp"
#include "canopy/federate/round_policy.hpp"

namespace canopy::federate {

/// An update that has been worked out and has yet to arrive (`--late carry`).
struct HeldUpdate {
  int client = 0;
  std::int64_t round = 0;  ///< of the dispatch
  std::int64_t steps = 0;
  double loss = 0;  ///< mean over the rows seen
  double rms_loss = 0;
  double number = 0;  ///< of the Upload
  double norm = 0;
  std::vector<float> values;
  template <class Archive>
  void fields(Archive& archive) {
    archive(client, round, steps, loss, rms_loss, number, norm, values);
  }
};

/// A client at work in an asynchronous run.
struct Flight {
  int client = 0;
  std::int64_t number = 0;   ///< of the dispatch, from 1
  std::int64_t version = 0;  ///< server steps before it began
  int place = 0;             ///< of --concurrency
  double begins = 0;         ///< virtual time
  double ends = 0;
  bool drops = false;
  std::vector<float> model;  ///< that it set out from
  template <class Archive>
  void fields(Archive& archive) {
    archive(client, number, version, place, begins, ends, drops, model);
  }
};

/// All that a federation must remember to go on as if nothing had happened, on any ranks.
struct FederationState {
  std::int64_t round = 0;  ///< done; in an asynchronous run steps of the server
  std::vector<float> model;
  NamedArrays server;                         ///< Aggregator::state()
  NamedArrays selector;                       ///< Selector::state()
  std::map<int, std::vector<float>> clients;  ///< what clients keep, of those who do
  double virtual_seconds = 0;
  std::vector<Participant> in_flight;  ///< late ones, and their updates
  std::vector<HeldUpdate> held;
  std::vector<Flight> flights;
  std::vector<std::int64_t> clocks;  ///< by place: updates that have come from it
  std::int64_t dispatches = 0;
  std::map<std::int64_t, std::vector<float>> kept;  ///< models by round, of --keep-every
  std::vector<RoundRow> rounds;
  std::vector<UpdateRow> updates;
  std::vector<CombinerRow> combiner_rounds;
  std::vector<ValidationRow> validations;
  std::vector<ModelRow> models;

  /// The array of a model that was kept.
  static std::string kept_name(std::int64_t round) {
    return "model_of_round_" + std::to_string(round);
  }
  void put_kept(NamedArrays& arrays) const;
  /// All but the tables.
  NamedArrays to_arrays() const;
  /// DataError when the arrays are no such state, or of another network.
  static FederationState from_arrays(NamedArrays const& arrays, std::size_t arena_size);
  std::vector<Table> tables() const;
  /// Takes the rows of those tables that are there.
  void take_tables(std::vector<Table> const& tables);
};

}  // namespace canopy::federate
