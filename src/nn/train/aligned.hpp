#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace canopy::nn {

/// Numbers that start at a cache line; zero at first. Alignment is for speed only.
template <class T>
class AlignedArray {
 public:
  explicit AlignedArray(std::size_t size)
      : data_{static_cast<T*>(::operator new(size * sizeof(T), line))}, size_{size} {
    std::uninitialized_value_construct_n(data_.get(), size);
  }
  T* data() { return data_.get(); }
  T const* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::align_val_t line{64};
  struct Free {
    void operator()(T* data) const { ::operator delete(data, line); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_;
};

}  // namespace canopy::nn
