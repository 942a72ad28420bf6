#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "canopy/data/dataset.hpp"

namespace canopy::data {

/// A data set as networks want it: one row after the other, so that a micro-batch of any rows is
/// gathered from few cache lines. Numbers as they came; in one contiguous piece of memory without
/// pointers, so that it can be sent, or shared by the ranks of a node.
///
/// Rows 0 .. rows()-1 are to learn from; those of a test set that came with the data follow them
/// with row numbers rows() .. all_rows()-1.
class Samples {
 public:
  /// u8 when every number is whole and within 0 .. 255, as pixels are: a quarter of the memory.
  enum class Element : std::uint8_t { u8 = 1, f32 = 4 };

  /// DataError when the test set has other columns, when labels are missing, or for more rows than
  /// row numbers of 32 bits can tell apart.
  static Samples pack(Dataset const& train, Dataset const* test = nullptr);
  /// The same for rows to be predicted, which need no labels.
  static Samples pack_unlabelled(Dataset const& rows);
  /// A view of bytes that `bytes()` gave, kept alive by `owner`. Throws DataError if they are not.
  static Samples view(std::span<std::byte const> bytes, std::shared_ptr<void const> owner);

  std::span<std::byte const> bytes() const { return bytes_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t test_rows() const { return all_rows_ - rows_; }
  std::int64_t all_rows() const { return all_rows_; }
  int columns() const { return shape_.size(); }
  int classes() const { return classes_; }
  /// Of one sample; {columns, 1, 1} when the data is no images.
  SampleShape shape() const { return shape_; }
  bool is_image() const { return is_image_; }
  /// Class number per row, test rows included; empty when there are none.
  std::span<std::uint16_t const> labels() const { return labels_; }

  Element element() const { return element_; }
  /// Calls `visit` with the numbers, all_rows() x columns() row-major, as uint8_t or float const*.
  template <class Visit>
  decltype(auto) visit(Visit&& visit) const {
    if (element_ == Element::u8) return visit(reinterpret_cast<std::uint8_t const*>(values_));
    return visit(reinterpret_cast<float const*>(values_));
  }
  float value(std::int64_t row, int column) const {
    return visit([&](auto const* v) { return static_cast<float>(v[row * columns() + column]); });
  }

 private:
  static Samples pack(Dataset const& train, Dataset const* test, bool labelled);

  std::span<std::byte const> bytes_;
  std::shared_ptr<void const> owner_;
  std::int64_t rows_ = 0;
  std::int64_t all_rows_ = 0;
  int classes_ = 0;
  SampleShape shape_;
  bool is_image_ = false;
  Element element_ = Element::f32;
  std::byte const* values_ = nullptr;
  std::span<std::uint16_t const> labels_;
};

}  // namespace canopy::data
