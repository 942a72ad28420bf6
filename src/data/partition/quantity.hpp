#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/random.hpp"

#include "partition/form.hpp"

namespace canopy::data {

/// The choices of --quantity.
std::vector<Form> const& quantity_forms();

/// By client, how many rows it wants in proportion to the others.
std::vector<double> draw_weights(Chosen quantity, int clients, Key key);

/// The rows that each of `parts` parts is to have at least: `wanted`, or 1 where that would be more
/// than half of the mean, or 0 where there are not enough.
std::uint64_t least_rows(std::uint64_t total, std::uint64_t parts, std::uint64_t wanted);

/// Sizes that sum to `total`: everyone gets `least` and the rest goes by weight, rounded so that no
/// size is off by one or more. Equal weights give sizes that differ by at most one.
std::vector<std::uint64_t> apportion(std::uint64_t total, std::span<double const> weights,
                                     std::uint64_t least);

}  // namespace canopy::data
