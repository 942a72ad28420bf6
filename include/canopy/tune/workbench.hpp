#pragma once

#include <memory>
#include <vector>

#include "canopy/core/bytes.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/nn/model.hpp"
#include "canopy/train/predict_over.hpp"
#include "canopy/tune/learner.hpp"
#include "canopy/tune/search.hpp"
#include "canopy/tune/settings.hpp"
#include "canopy/tune/task_limits.hpp"

namespace canopy::tune {

/// What every rank needs to do any piece of a search's work: the data, the folds and the learner.
/// The same on all ranks, and made without a message.
class Workbench {
 public:
  /// `rows` take part in the search; others are held out. UserError when they cannot be divided
  /// into the folds asked for.
  Workbench(LearnerData data, data::Rows rows, SearchSettings const& settings, std::uint64_t seed);

  Learner const& learner() const { return *learner_; }
  LearnerData const& data() const { return data_; }
  data::Rows const& rows() const { return rows_; }

  /// A FoldScore, some trees, a network or class probabilities.
  Bytes work(Task const& task, StopToken const& stop) const;

 private:
  Bytes score_fold(Task const& task, StopToken const& stop) const;

  LearnerData data_;
  data::Rows rows_;
  std::string model_;
  Key key_;
  std::vector<data::Split> folds_;
  std::vector<data::Split> fresh_folds_;  ///< for the verdict
  std::unique_ptr<Learner> learner_;
  SliceAxes axes_;
  TaskLimits limits_;
};

/// Tasks from this number on make final models, below are folds: a fold that two workers
/// were given may still be reported late.
constexpr comm::TaskId first_refit_task = comm::TaskId{1} << 40;

/// On the coordinator: final model number `which` of this farm, its trees dealt to all workers.
/// Asks `interrupted` all the time and throws Stopped when it says so; std::runtime_error when a
/// worker could not do its part.
forest::Forest refit_forest(comm::Farm& farm, Workbench const& bench,
                            SearchSettings const& settings, Configuration const& configuration,
                            std::function<bool()> const& interrupted, int which = 0);
/// The same for a network, which one worker fits: no collective is needed that could hang on a lost
/// rank. It is the network that `canopy train` makes of the same rows, parameters and seed.
nn::Model refit_network(comm::Farm& farm, Configuration const& configuration,
                        std::function<bool()> const& interrupted, int which = 0);
/// Where the rows that final model number `which` of this farm is judged on are dealt.
train::PredictionPlace prediction_place(comm::Farm& farm, std::function<bool()> interrupted,
                                        int which);

}  // namespace canopy::tune
