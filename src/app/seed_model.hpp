#pragma once

#include <string>
#include <vector>

#include "canopy/nn/network.hpp"

namespace canopy::app {

/// The weights that `--from-model RUN.h5[:ID]` names: the model of a run file of `canopy train` or
/// `canopy federate`, or one of its trail whose id begins so. DataError when the file has no such
/// model, or it is of another network.
std::vector<float> seed_model(std::string const& from_model, nn::Network const& network);

}  // namespace canopy::app
