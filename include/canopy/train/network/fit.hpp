#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "canopy/core/clock.hpp"
#include "canopy/core/random.hpp"
#include "canopy/nn/schedule.hpp"
#include "canopy/train/network/evaluation.hpp"
#include "canopy/train/network/strategy.hpp"
#include "canopy/train/network/training_state.hpp"

namespace canopy::train {

/// When a fit ends before its last epoch, and when it saves.
struct FitOptions {
  /// Stop when so many epochs in a row were no better on the validation rows than the best one.
  std::optional<int> early_stopping;
  double checkpoint_every = 1;  ///< epochs; 0: never
  /// The fit is finished after so many, though the learning rate goes on as if more would follow:
  /// it is the beginning of the whole one. None: all epochs.
  std::optional<int> last_epoch;
};

/// How far a fit has come.
struct FitProgress {
  std::int64_t step = 0;
  std::int64_t steps = 0;  ///< until it is finished
  std::int64_t steps_per_epoch = 0;
  int batch = 0;
};

/// What happens on the root while a fit goes on. All may be empty. Whatever one throws ends the fit
/// on every rank. `epoch` and `checkpoint` may take long, and run in a thread of their own, so they
/// are not to use MPI.
struct FitHooks {
  std::function<void(FitProgress const&)> watch;  ///< some times a second
  std::function<bool()> interrupted;              ///< asked as often
  std::function<void(EpochRow const&)> epoch;     ///< after each
  std::function<void(TrainingState const&)> checkpoint;
};

/// Epochs of updates by some strategy, with validation, checkpoints and stops. Every decision comes
/// from numbers that do not depend on the layout; so do the weights.
class NetworkFit {
 public:
  /// Collective. Makes the strategy that `assignment` names. `rows` to learn from (ascending, as
  /// many as the plan has) and to validate on, maybe none. `key` of order and dropout.
  NetworkFit(Assignment const& assignment, data::Rows rows, data::Rows validation, Key key,
             FitOptions const& options);

  /// Goes on from this state, the same on every rank: `fresh` or an earlier state().
  void start(TrainingState const& state);
  /// Collective. True when the fit is finished, false when it was interrupted.
  bool run(FitHooks const& hooks);
  /// Collective. On the root the state as it is; elsewhere without the optimizer's.
  TrainingState state();

  /// Collective, when finished. The weights to be used, on every rank: those of the best epoch if
  /// there are rows to validate on, else the last ones.
  std::vector<float> weights();

  /// Seconds that this rank would have computed for the updates since start(), had all gone at the
  /// pace of the quickest: what others do on the machine at the same time does not count.
  double undisturbed_seconds() const {
    return rows_seen_ > 0 ? best_pace_ * static_cast<double>(rows_seen_) : 0;
  }

  std::int64_t step() const { return step_; }
  std::vector<EpochRow> const& epochs() const { return epochs_; }
  std::int64_t best_epoch() const { return best_epoch_; }
  Strategy& strategy() { return *strategy_; }

 private:
  void perform_step();
  void finish_epoch();
  EpochRow measure_epoch();
  void keep_if_best(EpochRow const& row);
  bool is_late() const;
  bool checkpoint_is_due() const;
  bool tick(FitHooks const& hooks);
  std::int64_t steps() const;

  Assignment assignment_;
  data::Rows rows_;
  data::Rows validation_;
  Key key_;
  FitOptions options_;
  std::unique_ptr<Strategy> strategy_;
  Evaluator evaluator_;
  nn::LearningRate learning_rate_;

  std::int64_t step_ = 0;
  data::Rows order_;
  std::int64_t order_of_ = -1;  ///< the epoch whose order that is
  std::vector<EpochRow> epochs_;
  std::int64_t best_epoch_ = 0;
  std::vector<float> best_;  ///< root: the weights after the best epoch

  double best_pace_ = std::numeric_limits<double>::infinity();  ///< seconds a row of the batch
  std::int64_t rows_seen_ = 0;                                  ///< since start()

  Stopwatch epoch_clock_;
  std::int64_t epoch_rows_ = 0;  ///< seen since epoch_clock_ began
  UpdateUse epoch_use_;          ///< when epoch_clock_ began
  Stopwatch tick_clock_;
  std::int64_t last_tick_ = 0;
  std::int64_t next_tick_ = 0;
};

/// A state to begin with: weights initialised by the key, nothing learnt.
TrainingState fresh_state(nn::Network const& network, ShardPlan const& plan, Key key);

}  // namespace canopy::train
