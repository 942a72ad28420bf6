#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace canopy::forest {

/// Finds the code of a drawn threshold in a column's ascending values without a search from end to
/// end: cells of equal width say which codes are near. Rounding is monotone, so a value is never in
/// a later cell than a larger one and the answer is exact.
class CodeGrid {
 public:
  CodeGrid() = default;
  explicit CodeGrid(std::span<float const> values)
      : values_{values},
        low_{values.front()},
        last_cell_{std::min(values.size(), most_cells) - 1},
        scale_{values.size() < 2 ? 0 : static_cast<double>(last_cell_) / (values.back() - low_)},
        first_(last_cell_ + 2) {
    for (auto const value : values) ++first_[cell_of(value) + 1];
    for (std::size_t cell = 1; cell < first_.size(); ++cell) first_[cell] += first_[cell - 1];
  }

  /// The last code whose value is at most `threshold`, which is not below the smallest value.
  std::uint32_t last_at_most(double threshold) const {
    auto const cell = cell_of(threshold);
    auto code = first_[cell];
    auto const end = first_[cell + 1];
    if (end - code > few)
      code += static_cast<std::uint32_t>(
          std::ranges::upper_bound(values_.subspan(code, end - code), threshold) -
          values_.subspan(code).begin());
    else
      while (code < end && values_[code] <= threshold) ++code;
    return code - 1;
  }

 private:
  static constexpr std::size_t most_cells = 1 << 20;
  static constexpr std::uint32_t few = 8;

  std::size_t cell_of(double value) const {
    return std::min(static_cast<std::size_t>((value - low_) * scale_), last_cell_);
  }

  std::span<float const> values_;
  double low_ = 0;
  std::size_t last_cell_ = 0;
  double scale_ = 0;                  ///< cells per unit
  std::vector<std::uint32_t> first_;  ///< per cell the first code in it or after it
};

}  // namespace canopy::forest
