#pragma once

#include <cstddef>

namespace canopy {

/// How often this process has called operator new. Link support/allocations.cpp to count.
std::size_t allocations();
/// And how many bytes it has asked for in all, freed or not.
std::size_t allocated_bytes();
/// How many bytes it holds now, as malloc rounds them.
std::size_t held_bytes();

}  // namespace canopy
