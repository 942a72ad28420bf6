#pragma once

#include <string>
#include <vector>

#include "canopy/core/progress.hpp"
#include "canopy/train/network/fit.hpp"

#include "network_task.hpp"
#include "run_tables.hpp"

namespace canopy::app {

/// What a person sees of a network's training while it goes on.
class NetworkView {
 public:
  NetworkView(ProgressMode mode, std::string title) : progress_{mode}, title_{std::move(title)} {}

  void watch(train::FitProgress const& now);
  /// A line that stays.
  void epoch(train::EpochRow const& row, int epochs);

 private:
  std::string pace(train::FitProgress const& now) const;

  Progress progress_;
  std::string title_;
  Stopwatch clock_;
  std::int64_t first_step_ = -1;  ///< of this session
};

/// "cnn: 8 layers, 1,199,882 parameters"
std::string network_text(nn::Network const& network);

/// How long one rank took for its updates, and how much of that it computed: as it was, and at the
/// pace of the quickest update.
struct RankSpent {
  double seconds = 0;
  double computing = 0;
  double undisturbed = 0;
};

/// What to do when one rank alone would have been as fast, for it would compute what all of them
/// did; nothing when it would not. Where there are more ranks than cores these slow each other
/// down, and the pace of the quickest update counts; else what was, so that other work on the
/// machine counts for both.
std::string advice_on_ranks(std::vector<RankSpent> const& ranks, bool more_than_cores);

/// How long stages waited for each other, from the table that a pipeline leaves: as measured, as
/// simulated with these times, and were all stages alike.
std::string bubble_text(Table const& pipeline);

/// What came of a training.
struct NetworkOutcome {
  std::vector<train::EpochRow> const& epochs;
  std::vector<train::Place> const& places;
  std::vector<Table> const& reports;  ///< of the strategy
  std::vector<Evaluation> const& evaluations;
  std::int64_t best_epoch;
  comm::Order order;            ///< of the sums
  std::string const& on_ranks;  ///< what advice_on_ranks() says
};

/// The lines printed at the end, a name and what there is to say about it in each.
std::string network_summary(NetworkTask const& task, Phases const& phases,
                            NetworkOutcome const& outcome);

}  // namespace canopy::app
