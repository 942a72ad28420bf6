#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include <sys/mman.h>

namespace canopy {

/// Numbers that start at a cache line, zero at first; large arrays start at a large page and ask
/// for such pages, since walking through megabytes 4 KiB at a time costs more than reading them.
/// All this is for speed only.
template <class T>
class AlignedArray {
 public:
  explicit AlignedArray(std::size_t size)
      : data_{take(size), Free{alignment_of(size)}}, size_{size} {
    std::uninitialized_value_construct_n(data_.get(), size);
  }
  T* data() { return data_.get(); }
  T const* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::span<T> span() { return {data(), size_}; }
  std::span<T const> span() const { return {data(), size_}; }

 private:
  static constexpr std::size_t large_page = std::size_t{1} << 21;

  static std::align_val_t alignment_of(std::size_t size) {
    return std::align_val_t{size * sizeof(T) >= large_page ? large_page : 64};
  }
  static T* take(std::size_t size) {
    auto* memory = ::operator new(size * sizeof(T), alignment_of(size));
#ifdef MADV_HUGEPAGE
    // A refusal changes nothing but the speed.
    if (size * sizeof(T) >= large_page) madvise(memory, size * sizeof(T), MADV_HUGEPAGE);
#endif
    return static_cast<T*>(memory);
  }
  struct Free {
    std::align_val_t alignment;
    void operator()(T* data) const { ::operator delete(data, alignment); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_;
};

}  // namespace canopy
