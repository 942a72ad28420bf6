// Replaces operator new by one that counts; in a file of its own, so that the compiler cannot see
// through it.
#include "support/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::atomic<std::size_t> count{0};
std::atomic<std::size_t> bytes{0};
std::atomic<std::size_t> held{0};

void* counted(std::size_t size) {
  ++count;
  bytes += size;
  auto* const memory = std::malloc(size);
  held += ::malloc_usable_size(memory);
  return memory;
}

void let_go(void* memory) {
  held -= ::malloc_usable_size(memory);
  std::free(memory);
}

void* counted_or_thrown(std::size_t size) {
  if (auto* const memory = counted(size)) return memory;
  throw std::bad_alloc{};
}

}  // namespace

std::size_t canopy::allocations() {
  return count;
}

std::size_t canopy::allocated_bytes() {
  return bytes;
}

std::size_t canopy::held_bytes() {
  return held;
}

// All forms but those for over-aligned types, as sanitizers replace each by one of their own.
void* operator new(std::size_t size) {
  return counted_or_thrown(size);
}
void* operator new[](std::size_t size) {
  return counted_or_thrown(size);
}
void* operator new(std::size_t size, std::nothrow_t const&) noexcept {
  return counted(size);
}
void* operator new[](std::size_t size, std::nothrow_t const&) noexcept {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  let_go(memory);
}
void operator delete[](void* memory) noexcept {
  let_go(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  let_go(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  let_go(memory);
}
void operator delete(void* memory, std::nothrow_t const&) noexcept {
  let_go(memory);
}
void operator delete[](void* memory, std::nothrow_t const&) noexcept {
  let_go(memory);
}
