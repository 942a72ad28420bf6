#pragma once

#include <cstddef>

namespace canopy::comm {

/// to[i] = a[i] + b[i]; `to` may be `a` or `b` itself.
inline void add(float* to, float const* a, float const* b, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] = a[i] + b[i];
}

}  // namespace canopy::comm
