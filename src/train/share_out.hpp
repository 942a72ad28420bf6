#pragma once

#include <cstddef>
#include <functional>

#include <Eigen/Core>

#include "canopy/train/predict_over.hpp"

namespace canopy::train {

/// What differs between kinds of models.
struct Sharing {
  std::size_t rows = 0;
  std::size_t least = 1;  ///< see shares_of
  std::size_t grain = 1;
  /// What a worker needs for these rows.
  std::function<Bytes(RowBlock)> pack;
  /// Their class probabilities, predicted on this rank. Asks the token now and then.
  std::function<Eigen::MatrixXd(RowBlock, StopToken const&)> here;
};

/// On the coordinator: class probabilities of all rows. Throws Stopped.
Eigen::MatrixXd share_out(PredictionPlace const& place, Sharing const& sharing);

/// What a worker reports of its share.
Bytes result_of(Eigen::MatrixXd const& probabilities);

}  // namespace canopy::train
