// Replaces operator new by one that counts; in a file of its own, so that the compiler cannot see
// through it.
#include "support/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> count{0};

}  // namespace

std::size_t canopy::allocations() {
  return count;
}

void* operator new(std::size_t size) {
  ++count;
  if (auto* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc{};
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
