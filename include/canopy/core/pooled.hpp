#pragma once

#include <cstddef>
#include <vector>

namespace canopy {

/// Memory for arrays that come in numbers and are kept, such as the nodes of trees. Those of 16 KiB
/// to 2 MiB stand one after another in blocks, and the pages of each are made at once: a fault for
/// every page costs more than filling it. A block goes when all that stands in it has gone. For any
/// number of threads. `bytes` must be the same in both.
void* take_pooled(std::size_t bytes);
void give_back_pooled(void* memory, std::size_t bytes);

template <class T>
struct PooledAllocator {
  using value_type = T;

  PooledAllocator() = default;
  template <class Other>
  explicit PooledAllocator(PooledAllocator<Other> const&) {}

  T* allocate(std::size_t count) { return static_cast<T*>(take_pooled(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) { give_back_pooled(memory, count * sizeof(T)); }
  friend bool operator==(PooledAllocator, PooledAllocator) { return true; }
};

template <class T>
using PooledVector = std::vector<T, PooledAllocator<T>>;

}  // namespace canopy
