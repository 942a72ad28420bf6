#pragma once

#include <memory>

#include "canopy/forest/parameters.hpp"
#include "canopy/tune/learner.hpp"

namespace canopy::tune {

/// The forest that a configuration describes; UserError names what is wrong with it.
forest::ForestParameters forest_parameters(forest::Kind kind, Configuration const& configuration);

/// The kind of forest behind a model name.
forest::Kind forest_kind(std::string const& model);

std::unique_ptr<Learner> make_forest_learner(forest::Kind kind, LearnerData const& data);

}  // namespace canopy::tune
