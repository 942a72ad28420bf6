#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

/// Memory of data sets in one piece: sections that each start on a cache line.
namespace canopy::data {

inline constexpr std::size_t alignment = 64;  // also what wide vector loads like

inline std::size_t aligned(std::size_t size) {
  return (size + alignment - 1) / alignment * alignment;
}

/// All zero, the gaps between sections too: equal data have equal bytes.
inline std::shared_ptr<std::byte> allocate_zeroed(std::size_t size) {
  auto* const memory = static_cast<std::byte*>(::operator new (size, std::align_val_t{alignment}));
  std::memset(memory, 0, size);
  return {memory, [](std::byte* p) { ::operator delete (p, std::align_val_t{alignment}); }};
}

}  // namespace canopy::data
