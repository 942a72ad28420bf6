#pragma once

#include <Eigen/Core>

#include "canopy/tune/learner.hpp"

namespace canopy::tune {

/// Says how good the predictions of `rows` are: score, confusion, and which of them are right.
/// `probabilities`: rows x classes.
void score_rows(LearnerData const& data, data::Rows const& rows,
                Eigen::MatrixXd const& probabilities, FoldScore& result);

}  // namespace canopy::tune
