#include "canopy/nn/standardisation.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "canopy/core/error.hpp"

#include "kernels/transpose.hpp"

namespace canopy::nn {
namespace {

/// Columns that share a mean: one of a table, all of a channel of an image.
int group_size(Shape shape) {
  return shape.height * shape.width;
}

struct Moments {
  double sum = 0;
  double squares = 0;  ///< of the distance from `origin`
  double origin = 0;   ///< the group's first value: a constant group has squares of exactly 0
};

Shape checked(Shape shape, int columns) {
  if (shape.size() != columns)
    throw DataError{"rows have " + std::to_string(columns) + " columns, expected " +
                    std::to_string(shape.size()) + " for samples of " + shape.text()};
  return shape;
}

}  // namespace

template <class Element>
Standardisation Standardisation::fit(RowsView<Element> const& table,
                                     std::span<std::uint32_t const> rows, Shape shape) {
  checked(shape, table.columns);
  if (rows.empty()) throw DataError{"there are no rows to take a mean of"};
  auto const size = group_size(shape);
  std::vector<Moments> moments(static_cast<std::size_t>(shape.channels));
  for (std::size_t g = 0; g < moments.size(); ++g)
    moments[g].origin = static_cast<double>(table.row(rows[0])[g * static_cast<std::size_t>(size)]);
  for (auto const row : rows) {
    auto const* value = table.row(row);
    for (auto& m : moments)
      for (int i = 0; i < size; ++i) {
        auto const d = static_cast<double>(*value++) - m.origin;
        m.sum += d;
        m.squares += d * d;
      }
  }
  Standardisation result;
  auto const n = static_cast<double>(rows.size()) * size;
  for (auto const& m : moments) {
    auto const mean = m.sum / n;
    auto const variance = m.squares / n - mean * mean;
    if (!std::isfinite(variance)) throw DataError{"a value is not finite, so there is no mean"};
    result.mean.push_back(m.origin + mean);
    result.inverse_deviation.push_back(variance > 0 ? 1 / std::sqrt(variance) : 0);
  }
  return result;
}

Standardisation Standardisation::none(Shape shape) {
  auto const groups = static_cast<std::size_t>(shape.channels);
  return {std::vector<double>(groups, 0), std::vector<double>(groups, 1)};
}

template Standardisation Standardisation::fit<float>(RowsView<float> const&,
                                                     std::span<std::uint32_t const>, Shape);
template Standardisation Standardisation::fit<std::uint8_t>(RowsView<std::uint8_t> const&,
                                                            std::span<std::uint32_t const>, Shape);

Gather::Gather(Shape shape, Standardisation const& s) : columns_{shape.size()} {
  if (s.mean.size() != static_cast<std::size_t>(shape.channels) ||
      s.inverse_deviation.size() != s.mean.size())
    throw DataError{"the standardisation has " + std::to_string(s.mean.size()) +
                    " means, expected " + std::to_string(shape.channels) + " for samples of " +
                    shape.text()};
  for (std::size_t g = 0; g < s.mean.size(); ++g) {
    auto const size = static_cast<std::size_t>(group_size(shape));
    shift_.insert(shift_.end(), size, static_cast<float>(s.mean[g]));
    factor_.insert(factor_.end(), size, static_cast<float>(s.inverse_deviation[g]));
  }
}

namespace {

/// width<float> columns of one row, standardised; those from `count` on are 0.
template <class Element>
[[gnu::always_inline]] inline Vector<float> standardised(Element const* row, float const* shift,
                                                         float const* factor, int count) {
  Vector<float> v{};
  if (count >= width<float>) {
    for (int i = 0; i < width<float>; ++i) v[i] = static_cast<float>(row[i]);
    return (v - load(shift)) * load(factor);
  }
  for (int i = 0; i < count; ++i) v[i] = (static_cast<float>(row[i]) - shift[i]) * factor[i];
  return v;
}

}  // namespace

template <class Element, class T>
void Gather::operator()(RowsView<Element> const& table, std::span<std::uint32_t const> rows,
                        std::span<T> input) const {
  constexpr int n = width<float>;
  constexpr int ahead = 512 / static_cast<int>(sizeof(Element));
  checked({columns_, 1, 1}, table.columns);
  auto const blocks = (static_cast<int>(rows.size()) + block - 1) / block;
  if (input.size() < static_cast<std::size_t>(blocks * block) * static_cast<std::size_t>(columns_))
    throw std::logic_error{"nn::Gather: the input is too small for these rows"};
  auto const present = static_cast<int>(rows.size());
  for (int b = 0; b < blocks; ++b)
    for (int half = 0; half < block; half += n)
      for (int column = 0; column < columns_; column += n) {
        auto const count = std::min(n, columns_ - column);
        Vector<float> tile[n];
        for (int i = 0; i < n; ++i) {
          auto const row = b * block + half + i;
          if (row < present)  // rows are scattered: the processor does not foresee them
            __builtin_prefetch(table.row(rows[static_cast<std::size_t>(row)]) + column + ahead);
          tile[i] = row < present
                        ? standardised(table.row(rows[static_cast<std::size_t>(row)]) + column,
                                       shift_.data() + column, factor_.data() + column, count)
                        : Vector<float>{};
        }
        transpose<float>(tile);
        auto* to = input.data() + (std::ptrdiff_t{b} * columns_ + column) * block + half;
        for (int i = 0; i < count; ++i, to += block)
          for (int lane = 0; lane < n; ++lane) to[lane] = static_cast<T>(tile[i][lane]);
      }
}

#define CANOPY_GATHER(Element, T)               \
  template void Gather::operator()<Element, T>( \
      RowsView<Element> const&, std::span<std::uint32_t const>, std::span<T>) const;
CANOPY_GATHER(float, float)
CANOPY_GATHER(float, double)
CANOPY_GATHER(std::uint8_t, float)
CANOPY_GATHER(std::uint8_t, double)
#undef CANOPY_GATHER

}  // namespace canopy::nn
