#pragma once

#include <string>

#include "canopy/data/samples.hpp"
#include "canopy/nn/architecture.hpp"

namespace canopy::train {

/// The shape of one sample as a network takes it: rows of a table are images for one that wants
/// them, by its name or by its `layers` in TOML. DataError when they cannot be.
nn::Shape input_shape(data::Samples const& samples, std::string const& model,
                      std::string const& layers = {});

}  // namespace canopy::train
