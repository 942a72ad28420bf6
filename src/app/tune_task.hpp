#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "canopy/app/tune.hpp"
#include "canopy/tune/verdict.hpp"
#include "canopy/tune/workbench.hpp"

#include "run_parts.hpp"
#include "run_tables.hpp"

namespace canopy::app {

/// Where models are fitted to all rows of a search, and judged. On the coordinator.
struct RefitPlace {
  comm::Farm& farm;
  tune::Workbench const& bench;
  std::function<bool()> interrupted;  ///< asked all the time
  Phases& phases;
};

/// What differs between searches for forests and for networks: the form of the data, and the model
/// that comes of it.
class TuneTask {
 public:
  virtual ~TuneTask() = default;

  virtual DataHeader const& header() const = 0;
  virtual std::string const& fingerprint() const = 0;  ///< on the root
  virtual tune::LearnerData learner_data() const = 0;
  /// Those that take part in the search.
  virtual data::Rows const& rows() const = 0;

  // ---- the coordinator

  /// Fits the final model, unless it was fitted to be compared. Throws Stopped.
  virtual void refit(RefitPlace const& place, tune::Configuration const& configuration) = 0;
  /// The final model's score on rows held out, or else on the test set; nothing when there is
  /// neither. Throws Stopped.
  virtual std::optional<Evaluation> evaluate_unseen(RefitPlace const& place) = 0;

  struct Unseen {
    std::optional<tune::HeldOut> rows;
    std::string why_none;  ///< where there might have been some
  };
  /// Both models, fitted to all rows of the search, on rows that no part of it has seen; begins the
  /// phase in which they predict. Throws Stopped.
  virtual Unseen compare_on_unseen(RefitPlace const& place, tune::Configuration const& initial,
                                   tune::Configuration const& best) = 0;
  /// Puts the final model into the record, if there is one.
  virtual void add_model(record::RunRecord& record) const = 0;
};

/// Collective; so is its end, for all ranks free the data together. DataError when they cannot be
/// read, or not be learnt from.
std::unique_ptr<TuneTask> make_tune_task(comm::Communicator const& comm,
                                         TuneSettings const& settings, Phases& phases);

}  // namespace canopy::app
