#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/forest/parameters.hpp"

namespace canopy::forest {

/// How many of `rows` rows are outside of at least one bootstrap after 1, 2, ... trees: the others
/// have no vote in Forest::oob_curve and count as class 0 there. `key` as given to grow_trees.
/// UserError when the forest does not bootstrap.
std::vector<std::int64_t> rows_with_vote(ForestParameters const& parameters, std::size_t rows,
                                         Key key);

}  // namespace canopy::forest
