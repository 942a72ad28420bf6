#include "canopy/data/samples.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "canopy/core/error.hpp"
#include "canopy/data/encoded.hpp"

#include "packed_bytes.hpp"

namespace canopy::data {
namespace {

constexpr std::array<char, 8> magic{'c', 'a', 'n', 'o', 'p', 'y', 'S', 'A'};
constexpr std::uint32_t version = 1;

/// Start of the bytes. Labels and values follow, each aligned.
struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::int32_t classes;
  std::uint64_t bytes;
  std::int64_t rows;
  std::int64_t all_rows;
  std::uint64_t labels;  ///< how many: all_rows or 0
  SampleShape shape;
  std::uint8_t is_image;
  std::uint8_t element;
  std::array<std::uint8_t, 2> unused;
};

std::size_t labels_at() {
  return aligned(sizeof(Header));
}

std::size_t values_at(Header const& header) {
  return labels_at() + aligned(header.labels * sizeof(std::uint16_t));
}

std::size_t end_of(Header const& header) {
  return values_at(header) +
         aligned(static_cast<std::size_t>(header.all_rows) *
                 static_cast<std::size_t>(header.shape.size()) * header.element);
}

bool fits_bytes(Dataset const& set) {
  for (int column = 0; column < set.columns(); ++column)
    for (std::int64_t row = 0; row < set.rows(); ++row) {
      auto const value = set.features(row, column);
      if (!(value >= 0 && value <= 255) ||
          value != static_cast<float>(static_cast<std::uint8_t>(value)))
        return false;
    }
  return true;
}

/// Column after column becomes row after row, in blocks that stay in the cache.
template <class T>
T* write_rows(Dataset const& set, T* to) {
  using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  constexpr Eigen::Index block = 128;
  auto const rows = set.features.rows();
  auto const columns = set.features.cols();
  for (Eigen::Index first = 0; first < rows; first += block) {
    auto const n = std::min(block, rows - first);
    Eigen::Map<RowMajor>{to + first * columns, n, columns} =
        set.features.middleRows(first, n).template cast<T>();
  }
  return to + rows * columns;
}

void check_test(Dataset const& train, Dataset const& test) {
  if (test.columns() != train.columns())
    throw DataError{train.name + ": its test set has " + std::to_string(test.columns()) +
                    " columns and its training set " + std::to_string(train.columns()) +
                    "; they must be the same ones"};
}

void require_labels(Dataset const& set) {
  if (set.rows() > 0 && !set.has_labels())
    throw DataError{set.name + ": has no labels; name their column with --label"};
}

void require(bool holds, std::string_view what) {
  if (!holds)
    throw DataError{"packed data set: " + std::string{what} +
                    "; it was cut off or damaged on its way, pack the data set again"};
}

Header checked_header(std::span<std::byte const> bytes) {
  require(bytes.size() >= sizeof(Header), "it is shorter than its header");
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  require(header.magic == magic, "it does not start as one");
  require(header.version == version, "it is of version " + std::to_string(header.version) +
                                         ", expected " + std::to_string(version));
  require(header.bytes == bytes.size(), "it has " + std::to_string(bytes.size()) +
                                            " bytes, expected " + std::to_string(header.bytes));
  require(header.element == 1 || header.element == 4, "its numbers are of an unknown kind");
  auto const size = static_cast<std::int64_t>(bytes.size());
  auto const& [channels, height, width] = header.shape;
  require(channels >= 0 && height >= 1 && width >= 1 && channels <= size &&
              height <= size / std::max(1, channels) &&
              width <= size / std::max<std::int64_t>(1, std::int64_t{channels} * height) + 1 &&
              0 <= header.rows && header.rows <= header.all_rows && header.all_rows <= size,
          "a size is impossible");
  require(header.labels == 0 || std::cmp_equal(header.labels, header.all_rows),
          "it has not as many labels as rows");
  require(end_of(header) == bytes.size(), "its rows do not fill it");
  return header;
}

}  // namespace

Samples Samples::pack(Dataset const& train, Dataset const* test) {
  return pack(train, test, true);
}

Samples Samples::pack_unlabelled(Dataset const& rows) {
  return pack(rows, nullptr, false);
}

Samples Samples::pack(Dataset const& train, Dataset const* test, bool labelled) {
  if (test) check_test(train, *test);
  auto const all_rows = train.rows() + (test ? test->rows() : 0);
  if (all_rows > EncodedTable::most_rows)
    throw DataError{train.name + ": " + std::to_string(all_rows) +
                    " rows are more than row numbers of 32 bits can tell apart; split the file"};
  if (labelled) {
    require_labels(train);
    if (test) require_labels(*test);
  }
  auto const small = fits_bytes(train) && (!test || fits_bytes(*test));
  Header header{magic,
                version,
                train.classes(),
                0,
                train.rows(),
                all_rows,
                labelled ? static_cast<std::uint64_t>(all_rows) : 0,
                train.image.value_or(SampleShape{train.columns(), 1, 1}),
                train.image.has_value(),
                static_cast<std::uint8_t>(small ? Element::u8 : Element::f32),
                {}};
  header.bytes = end_of(header);
  auto const memory = allocate_zeroed(header.bytes);
  auto* const start = memory.get();
  std::memcpy(start, &header, sizeof header);
  auto* labels = reinterpret_cast<std::uint16_t*>(start + labels_at());
  auto const write = [&](auto* to) {
    for (auto const* set : {&train, test}) {
      if (!set) continue;
      to = write_rows(*set, to);
      if (labelled) labels = std::ranges::copy(set->labels, labels).out;
    }
  };
  if (small)
    write(reinterpret_cast<std::uint8_t*>(start + values_at(header)));
  else
    write(reinterpret_cast<float*>(start + values_at(header)));
  return view({start, header.bytes}, memory);
}

Samples Samples::view(std::span<std::byte const> bytes, std::shared_ptr<void const> owner) {
  assert(reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(Header) == 0);
  auto const header = checked_header(bytes);
  Samples samples;
  samples.bytes_ = bytes;
  samples.owner_ = std::move(owner);
  samples.rows_ = header.rows;
  samples.all_rows_ = header.all_rows;
  samples.classes_ = header.classes;
  samples.shape_ = header.shape;
  samples.is_image_ = header.is_image != 0;
  samples.element_ = static_cast<Element>(header.element);
  samples.labels_ = {reinterpret_cast<std::uint16_t const*>(bytes.data() + labels_at()),
                     header.labels};
  samples.values_ = bytes.data() + values_at(header);
  return samples;
}

}  // namespace canopy::data
