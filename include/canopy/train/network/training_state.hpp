#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/core/table.hpp"
#include "canopy/nn/pass.hpp"

namespace canopy::train {

/// What there is to tell of one epoch. Times are means over ranks, of the updates alone.
struct EpochRow {
  std::int64_t epoch = 0;  ///< from 1
  double lr = 0;           ///< of its last update
  double loss = 0;         ///< mean over the rows, as they were seen: while the weights changed
  double accuracy = 0;
  double val_loss = empty_cell;  ///< of the rows set aside, after the epoch
  double val_accuracy = empty_cell;
  double samples_per_second = 0;
  double compute_seconds = 0;
  double exposed_comm_seconds = 0;
  double idle_seconds = 0;

  /// Calls `visit(name, field)` for each, in the order of the table /epochs.
  template <class Self, class Visit>
  static void each(Self&& self, Visit visit) {
    visit("lr", self.lr), visit("loss", self.loss), visit("accuracy", self.accuracy);
    visit("val_loss", self.val_loss), visit("val_accuracy", self.val_accuracy);
    visit("samples_per_second", self.samples_per_second);
    visit("compute_seconds", self.compute_seconds);
    visit("exposed_comm_seconds", self.exposed_comm_seconds);
    visit("idle_seconds", self.idle_seconds);
  }
};

/// The table /epochs.
Table epochs_table(std::vector<EpochRow> const& epochs);

/// All that a run must remember to go on as if nothing had happened, on any number of ranks and by
/// any strategy. What belongs to the arena is kept as one array over the whole arena, whoever held
/// which part of it.
struct TrainingState {
  std::int64_t step = 0;         ///< updates done
  std::vector<float> arena;      ///< parameters and running statistics
  NamedArrays optimizer;         ///< by name, each as long as the arena
  std::vector<nn::Loss> losses;  ///< by shard, of the epoch under way
  std::vector<EpochRow> epochs;  ///< those that are finished
  std::int64_t best_epoch = 0;   ///< of highest val_accuracy, then lowest val_loss; 0: none
  std::vector<float> best;       ///< the arena after it, if that is not the arena above

  /// Arrays "step", "arena", "optimizer.NAME", "losses", "correct", "epochs.NAME", "best_epoch",
  /// "best"; equal bits for equal states.
  NamedArrays to_arrays() const;
  /// DataError when the arrays are no such state, or of another network or batch.
  static TrainingState from_arrays(NamedArrays const& arrays, std::size_t arena_size,
                                   std::size_t shards);
};

}  // namespace canopy::train
