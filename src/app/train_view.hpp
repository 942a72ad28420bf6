#pragma once

#include <string>
#include <vector>

#include "canopy/core/progress.hpp"
#include "canopy/forest/forest.hpp"

#include "run_parts.hpp"
#include "run_tables.hpp"

namespace canopy::app {

/// What a person sees of a fit while it goes on.
class TrainView {
 public:
  /// `known` trees were there at the start.
  TrainView(ProgressMode mode, std::string title, int trees, int known)
      : progress_{mode}, title_{std::move(title)}, trees_{trees}, known_{known} {}

  void watch(int grown);
  void warn(std::string const& text) { progress_.warn(text); }
  void finish() { progress_.finish(); }

 private:
  std::string times(int grown) const;

  Progress progress_;
  std::string title_;
  int trees_;
  int known_;
  Stopwatch clock_;
};

/// What a finished fit was about, and what it cost.
struct FitFacts {
  std::size_t rows;  ///< that the model learnt from
  std::size_t encoded_bytes;
  int features;
  int ranks;
  int grown;  ///< trees of this run; others were taken over
};

/// The lines printed at the end, a name and what there is to say about it in each.
std::string fit_summary(FitFacts const& facts, forest::Forest const& model, Phases const& phases,
                        std::vector<Evaluation> const& evaluations,
                        std::vector<double> const& importances);

}  // namespace canopy::app
