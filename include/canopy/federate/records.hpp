#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "canopy/core/table.hpp"

namespace canopy::federate {

/// What there is to tell of one round.
struct RoundRow {
  std::int64_t round = 0;
  std::int64_t clients = 0;      ///< whose updates count
  std::int64_t dropped = 0;      ///< updates of the round that are UpdateRow::is_dropped()
  double accuracy = empty_cell;  ///< of the new model on the test rows, if evaluated
  double loss = empty_cell;
  double train_loss = 0;  ///< of the clients, as their rows were seen while they trained
  double train_accuracy = 0;
  double client_accuracy_mean = empty_cell;  ///< of the new model over clients, on their own rows
  double client_accuracy_std = empty_cell;
  double client_accuracy_worst_decile = empty_cell;  ///< mean over the worst tenth of them
  double real_seconds = 0;
  double virtual_seconds = 0;  ///< since the run began, at the end of the round
  double bytes_real = 0;       ///< sent between ranks in this round
  double bytes_device = 0;     ///< that the devices would have moved
  std::string model;           ///< its id

  /// Fills in what there is to tell of the accuracies of clients; none: nothing.
  void take_accuracies(std::vector<double> accuracies);

  template <class Self, class Visit>
  static void each(Self&& self, Visit visit) {
    visit("round", self.round), visit("clients", self.clients), visit("dropped", self.dropped);
    visit("accuracy", self.accuracy), visit("loss", self.loss);
    visit("train_loss", self.train_loss), visit("train_accuracy", self.train_accuracy);
    visit("client_accuracy_mean", self.client_accuracy_mean);
    visit("client_accuracy_std", self.client_accuracy_std);
    visit("client_accuracy_worst_decile", self.client_accuracy_worst_decile);
    visit("real_seconds", self.real_seconds), visit("virtual_seconds", self.virtual_seconds);
    visit("bytes_real", self.bytes_real), visit("bytes_device", self.bytes_device);
    visit("model", self.model);
  }
};

/// One update, taken or not.
struct UpdateRow {
  std::int64_t round = 0;
  std::int64_t client = 0;
  std::int64_t combiner = 0;
  std::int64_t rank = 0;
  std::string fate;  ///< full, partial, ..., rejected
  std::int64_t rows = 0;
  std::int64_t steps = 0;
  double loss = 0;      ///< mean over the rows seen
  double rms_loss = 0;  ///< root of the mean of its square
  double weight = 0;
  double norm = 0;
  std::int64_t staleness = 0;
  double real_seconds = 0;
  double virtual_begin = 0;
  double virtual_end = 0;

  /// Whether it was wanted and did not come: dropped out, late or rejected. Who was chosen beyond
  /// the number wanted and is `surplus` lets nobody down.
  bool is_dropped() const;

  template <class Self, class Visit>
  static void each(Self&& self, Visit visit) {
    visit("round", self.round), visit("client", self.client), visit("combiner", self.combiner);
    visit("rank", self.rank), visit("fate", self.fate), visit("rows", self.rows);
    visit("steps", self.steps), visit("loss", self.loss);
    visit("rms_loss", self.rms_loss), visit("weight", self.weight), visit("norm", self.norm),
        visit("staleness", self.staleness);
    visit("real_seconds", self.real_seconds), visit("virtual_begin", self.virtual_begin);
    visit("virtual_end", self.virtual_end);
  }
};

/// How a combiner spent the real time of a round, from when its clients had training to do until
/// their updates were added up. Of one with training of several rounds: what it told in this one.
struct CombinerRow {
  std::int64_t round = 0;
  std::int64_t combiner = 0;     ///< 0: the reducer, where there are none
  double wait_seconds = 0;       ///< for updates; its rank may train meanwhile
  double load_seconds = 0;       ///< receiving and unpacking them
  double aggregate_seconds = 0;  ///< adding them up
  std::int64_t updates = 0;      ///< that clients worked out, counted or not
  std::int64_t bytes = 0;        ///< in which they came; none from its own rank

  template <class Self, class Visit>
  static void each(Self&& self, Visit visit) {
    visit("round", self.round), visit("combiner", self.combiner);
    visit("wait_seconds", self.wait_seconds), visit("load_seconds", self.load_seconds);
    visit("aggregate_seconds", self.aggregate_seconds);
    visit("updates", self.updates), visit("bytes", self.bytes);
  }
};

/// A model on the rows of one client.
struct ValidationRow {
  std::int64_t round = 0;
  std::int64_t client = 0;
  std::string model;
  std::int64_t rows = 0;
  double loss = 0;
  double accuracy = 0;

  template <class Self, class Visit>
  static void each(Self&& self, Visit visit) {
    visit("round", self.round), visit("client", self.client), visit("model", self.model);
    visit("rows", self.rows), visit("loss", self.loss), visit("accuracy", self.accuracy);
  }
};

/// A link of the model trail. The first one is the seed model, without a parent.
struct ModelRow {
  std::string id;  ///< SHA-256 of the weights
  std::string parent;
  std::int64_t round = 0;
  std::string aggregator;
  std::int64_t clients = 0;  ///< whose updates are in it
  std::int64_t rows = 0;     ///< behind these
  std::string cohort;        ///< "3,17,42"; with more than 100 the first ones and "..."
  std::string committed;     ///< UTC

  template <class Self, class Visit>
  static void each(Self&& self, Visit visit) {
    visit("id", self.id), visit("parent", self.parent), visit("round", self.round);
    visit("aggregator", self.aggregator), visit("clients", self.clients);
    visit("rows", self.rows), visit("cohort", self.cohort), visit("committed", self.committed);
  }
};

/// One start of the program on the run: the first one, or a --resume.
struct SessionRow {
  std::int64_t session = 0;  ///< from 1
  std::string started;       ///< UTC
  std::int64_t np = 0;
  std::int64_t nodes = 0;
  std::int64_t from_round = 0;  ///< rounds that were done when it began
  std::string from_model;       ///< the model that it began with
  std::int64_t rounds = 0;      ///< that it did and saved
  double seconds = 0;
  std::string status;  ///< as the run's: complete or interrupted

  template <class Self, class Visit>
  static void each(Self&& self, Visit visit) {
    visit("session", self.session), visit("started", self.started), visit("np", self.np);
    visit("nodes", self.nodes), visit("from_round", self.from_round);
    visit("from_model", self.from_model), visit("rounds", self.rounds);
    visit("seconds", self.seconds), visit("status", self.status);
  }
};

/// The table of such rows under a name, and the rows of such a table.
template <class Row>
Table table_of(std::string const& name, std::vector<Row> const& rows);
template <class Row>
std::vector<Row> rows_of(Table const& table);

extern template Table table_of(std::string const&, std::vector<RoundRow> const&);
extern template Table table_of(std::string const&, std::vector<UpdateRow> const&);
extern template Table table_of(std::string const&, std::vector<CombinerRow> const&);
extern template Table table_of(std::string const&, std::vector<ValidationRow> const&);
extern template Table table_of(std::string const&, std::vector<ModelRow> const&);
extern template Table table_of(std::string const&, std::vector<SessionRow> const&);
extern template std::vector<RoundRow> rows_of(Table const&);
extern template std::vector<UpdateRow> rows_of(Table const&);
extern template std::vector<CombinerRow> rows_of(Table const&);
extern template std::vector<ValidationRow> rows_of(Table const&);
extern template std::vector<ModelRow> rows_of(Table const&);
extern template std::vector<SessionRow> rows_of(Table const&);

}  // namespace canopy::federate
