#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/forest/parameters.hpp"

namespace canopy::forest {

/// UserError unless there are bootstraps.
void check_bootstraps(ForestParameters const& parameters);

/// Places of the rows that the bootstrap of a tree left out.
std::vector<std::uint32_t> rows_outside(ForestParameters const& parameters, Key key, int tree,
                                        std::size_t rows);

}  // namespace canopy::forest
