#pragma once

#include <functional>
#include <variant>

#include "canopy/app/train.hpp"
#include "canopy/comm/farm.hpp"
#include "canopy/core/bytes.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/stop.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/train/forest_by_trees.hpp"

#include "run_parts.hpp"

namespace canopy::app {

/// Features to be permuted, as train::permute_forest takes them.
struct Permuted {
  Bytes share;

  template <class Archive>
  void fields(Archive& archive) {
    archive(share);
  }
};

/// A task of the farm: trees to be grown, rows to be predicted, or features to be permuted.
using Piece = std::variant<train::TreeBlock, Bytes, Permuted>;
/// Tasks from this number on are rows, below are trees; from the other on they are features.
constexpr comm::TaskId first_prediction = comm::TaskId{1} << 40;
constexpr comm::TaskId first_permutation = comm::TaskId{1} << 41;

/// What all ranks know about a forest that they grow: enough for any of its trees.
struct ForestTask {
  data::EncodedTable table;
  data::Split split;
  forest::ForestParameters parameters;
  Key key;

  train::Trees grow(train::TreeBlock block, StopToken const& stop) const;
  /// A worker's part. `before_block` is called before trees are grown, if there is one.
  Bytes work_on(Piece const& piece, std::function<void()> const& before_block,
                StopToken const& stop) const;
};

/// The keys are those of canopy tune: the same parameters, rows and seed give the same model there.
/// DataError when no row is left to learn from.
ForestTask make_forest_task(TrainSettings const& settings, SharedData const& data);

}  // namespace canopy::app
