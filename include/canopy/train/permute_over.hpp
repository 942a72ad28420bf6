#pragma once

#include <span>

#include "canopy/core/bytes.hpp"
#include "canopy/core/stop.hpp"
#include "canopy/forest/importances.hpp"
#include "canopy/train/predict_over.hpp"

/// Permutation importances over a farm whose coordinator has the model: features are dealt.
namespace canopy::train {

/// forest::permutation_importances, a share of the features on each rank, the coordinator's too.
/// The same bits on any number of ranks; lost workers and stops as in predict_over. Errors as
/// there. `place.task` makes a task that hands a share to permute_forest.
forest::PermutationImportances permute_over(PredictionPlace const& place,
                                            forest::Forest const& forest,
                                            data::EncodedTable const& table,
                                            std::span<data::RowIndex const> rows,
                                            forest::Permutation const& permutation);
/// A worker's part: the share brings trees, rows and features.
Bytes permute_forest(Bytes const& share, StopToken const& stop);

}  // namespace canopy::train
