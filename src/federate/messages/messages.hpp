#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "canopy/federate/aggregator.hpp"
#include "canopy/federate/exact_sum.hpp"

/// What reducer, combiners and clients tell each other.
namespace canopy::federate {

/// Numbers that many messages hold and nobody changes.
struct SharedFloats {
  std::shared_ptr<std::vector<float>> values = std::make_shared<std::vector<float>>();

  std::vector<float> const& operator*() const { return *values; }
  template <class Archive>
  void fields(Archive& archive) {
    archive(*values);
  }
};

/// What one client is to do, or one piece of the test rows.
struct Task {
  enum class Kind : std::uint8_t { train, validate, test };

  Kind kind = Kind::train;
  int client = 0;           ///< or the number of the piece
  std::int64_t number = 0;  ///< of the round, or of the dispatch: what randomness is keyed by
  double weight = 0;        ///< in the round
  std::int64_t steps = 0;
  double cost = 0;     ///< rows that go through the network; for dealing
  bool apart = false;  ///< the update is wanted by itself, not in the sum
};

/// What the federation keeps for a client between rounds.
struct ClientState {
  int client = 0;
  std::vector<float> values;
  template <class Archive>
  void fields(Archive& archive) {
    archive(client, values);
  }
};

struct Job {
  std::int64_t id = 0;
  int combiner = 0;
  double lr = 0;
  SharedFloats model;
  SharedFloats shared;  ///< Aggregator::shared()
  std::vector<Task> tasks;
  std::vector<ClientState> states;  ///< of these tasks' clients; those who have one

  template <class Archive>
  void fields(Archive& archive) {
    archive(id, combiner, lr, tasks, states, shared, model);  // the largest last: one allocation
  }
};

/// What became of a task.
struct Report {
  Task::Kind kind = Task::Kind::train;
  int client = 0;
  int rank = 0;
  std::int64_t rows = 0;  ///< that went through the network
  std::int64_t steps = 0;
  std::int64_t correct = 0;
  double loss = 0;     ///< summed over rows
  double squares = 0;  ///< of rows' losses, summed
  double number = 0;   ///< of the Upload
  double norm = 0;     ///< of the update
  double seconds = 0;  ///< real ones
  bool rejected = false;
};

struct ClientUpdate {
  int client = 0;
  std::vector<float> values;
  template <class Archive>
  void fields(Archive& archive) {
    archive(client, values);
  }
};

/// How a combiner spent its real time while its clients had training to do, and what came of it.
struct CombinerUse {
  int combiner = 0;
  double wait_seconds = 0;
  double load_seconds = 0;
  double aggregate_seconds = 0;
  std::int64_t updates = 0;
  std::int64_t bytes = 0;  ///< in which they came
};

/// What became of a job, or of a part of it.
struct Outcome {
  std::int64_t job = 0;
  int combiner = 0;
  UpdateSum sum;
  std::vector<Report> reports;
  std::vector<ClientUpdate> updates;  ///< of tasks apart
  std::vector<ClientState> states;    ///< new ones
  std::vector<CombinerUse> uses;      ///< by those who combined training
  std::vector<int> lost;              ///< ranks that were found to be gone
  std::uint64_t bytes = 0;            ///< sent by those who did it

  void add(Outcome&& part);
  /// Of clients that trained, whether or not they were rejected.
  std::int64_t trained() const;
  template <class Archive>
  void fields(Archive& archive) {
    archive(job, combiner, reports, updates, states, uses, lost, bytes, sum);
  }
};

}  // namespace canopy::federate
