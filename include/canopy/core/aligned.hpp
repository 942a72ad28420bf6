#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include <sys/mman.h>

namespace canopy {

constexpr std::size_t large_page = std::size_t{1} << 21;

/// How memory of so many bytes is aligned: at a cache line, at a large page if it fills one.
constexpr std::align_val_t alignment_for(std::size_t bytes) {
  return std::align_val_t{bytes >= large_page ? large_page : 64};
}

/// Such memory, to be given back by operator delete with its alignment. Large memory asks for large
/// pages, since a fault for each 4 KiB and walking through megabytes of these cost more than
/// filling them. All this is for speed only.
inline void* aligned_memory(std::size_t bytes) {
  auto* memory = ::operator new(bytes, alignment_for(bytes));
#ifdef MADV_HUGEPAGE
  // A refusal changes nothing but the speed.
  if (bytes >= large_page) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

/// Numbers in aligned memory, zero at first.
template <class T>
class AlignedArray {
 public:
  explicit AlignedArray(std::size_t size)
      : data_{static_cast<T*>(aligned_memory(size * sizeof(T))),
              Free{alignment_for(size * sizeof(T))}},
        size_{size} {
    std::uninitialized_value_construct_n(data_.get(), size);
  }
  T* data() { return data_.get(); }
  T const* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::span<T> span() { return {data(), size_}; }
  std::span<T const> span() const { return {data(), size_}; }

 private:
  struct Free {
    std::align_val_t alignment;
    void operator()(T* data) const { ::operator delete(data, alignment); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_;
};

}  // namespace canopy
