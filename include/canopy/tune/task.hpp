#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "canopy/core/bytes.hpp"
#include "canopy/tune/space.hpp"

namespace canopy::tune {

/// One piece of work, as it travels: a fold of a trial, some trees of a final model, all of a final
/// network, a fold that the verdict rests on, rows that a final model predicts, or several of
/// these.
struct Task {
  enum class Kind : std::uint8_t { fold, trees, network, fresh_fold, predict, several };
  Kind kind = Kind::fold;
  Configuration configuration = {};
  int fold = 0;
  bool sliced = false;  ///< the fold's slices are scored, too
  int first_tree = 0;
  int last_tree = 0;
  int ranks = 0;                 ///< that work on it together; 0: all of a block
  std::vector<Task> parts = {};  ///< of `several`: tasks for as many ranks each, at least one
  Bytes share = {};              ///< of `predict`: as train::predict_over deals it

  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, configuration, fold, sliced, first_tree, last_tree, ranks, parts, share);
  }
};

/// What became of one of several tasks.
struct Outcome {
  Bytes result;
  std::string error;  ///< why there is no result; empty: there is one
  bool stopped = false;
  int rank = 0;  ///< of the world: the first of those who worked on it

  template <class Archive>
  void fields(Archive& archive) {
    archive(result, error, stopped, rank);
  }
};

}  // namespace canopy::tune
