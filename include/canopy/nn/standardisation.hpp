#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "canopy/nn/network.hpp"

namespace canopy::nn {

/// A row-major table: row r starts at data + r * stride. Pixels as they came (0 .. 255) or floats.
template <class Element>
struct RowsView {
  Element const* data = nullptr;
  std::int64_t rows = 0;
  int columns = 0;
  std::int64_t stride = 0;

  Element const* row(std::uint32_t number) const {
    return data + static_cast<std::int64_t>(number) * stride;
  }
};

/// x -> (x - mean) * inverse_deviation, per column of a table or per channel of an image. Columns
/// that do not vary become 0.
struct Standardisation {
  std::vector<double> mean;               ///< one per group
  std::vector<double> inverse_deviation;  ///< 1 / population deviation; 0 when that is 0

  /// From rows `rows` of a table, summed in double. Shape {n, 1, 1}: one group per column; images:
  /// one group per channel. DataError when there are no rows or a value is not finite.
  template <class Element>
  static Standardisation fit(RowsView<Element> const& table, std::span<std::uint32_t const> rows,
                             Shape shape);
  /// Leaves values as they are.
  static Standardisation none(Shape shape);

  friend bool operator==(Standardisation const&, Standardisation const&) = default;
};

/// Writes rows of a table, standardised, as the input of a network: what BasicPass::input() wants.
/// Lanes without a row become 0. Holds the standardisation in the form that is quick to apply.
class Gather {
 public:
  Gather(Shape shape, Standardisation const& standardisation);

  template <class Element, class T>
  void operator()(RowsView<Element> const& table, std::span<std::uint32_t const> rows,
                  std::span<T> input) const;

 private:
  int columns_;
  std::vector<float> shift_;  ///< by column: (x - shift) * factor
  std::vector<float> factor_;
};

}  // namespace canopy::nn
