#pragma once

#include <cstddef>

namespace canopy {

/// How often this process has called operator new. Link support/allocations.cpp to count.
std::size_t allocations();

}  // namespace canopy
