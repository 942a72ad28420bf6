#include <algorithm>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/data/partition.hpp"

namespace canopy::data {
namespace {

namespace fs = std::filesystem;

/// DataError unless the file tells of these digits, one by one.
void check_digits(fs::path const& file, Dataset const& writers, Dataset const& digits) {
  auto const mended = "; run data/fetch.sh mnist to get the file that belongs to the digits";
  if (writers.rows() != digits.rows())
    throw DataError{file.string() + ": it tells of " + text::grouped(writers.rows()) +
                    " digits, expected " + text::grouped(digits.rows()) + mended};
  auto const column = std::ranges::find(writers.feature_names, "label");
  if (column == writers.feature_names.end())
    throw DataError{file.string() + ": line 1: there is no column 'label'" + mended};
  auto const place = column - writers.feature_names.begin();
  for (std::int64_t row = 0; row < digits.rows(); ++row)
    if (writers.features(row, place) != digits.labels[static_cast<std::size_t>(row)])
      throw DataError{file.string() + ": line " + std::to_string(row + 2) +
                      ": the digit is another one in the images" + mended};
}

std::vector<std::uint32_t> mnist_writers(Source const& source, Dataset const& train) {
  auto const file = source.data_dir / "mnist" / "mnist-train-writer.csv";
  if (!fs::exists(file))
    throw DataError{file.string() +
                    ": the file that tells who wrote which digit is not there; run data/fetch.sh "
                    "mnist, or choose another --partition"};
  auto const writers = read_csv(file, {.label = "writer_id", .drop = {}, .header = true});
  check_digits(file, writers, train);
  return {writers.labels.begin(), writers.labels.end()};
}

/// Place of the column that is 1 among those of the areas; nothing without such columns.
std::vector<std::uint32_t> wilderness_areas(Dataset const& train) {
  std::vector<Eigen::Index> columns;
  for (std::size_t f = 0; f < train.feature_names.size(); ++f)
    if (train.feature_names[f].starts_with("Wilderness_Area"))
      columns.push_back(static_cast<Eigen::Index>(f));
  if (columns.size() < 2) return {};
  std::vector<std::uint32_t> areas;
  for (std::int64_t row = 0; row < train.rows(); ++row) {
    auto const in = std::ranges::find_if(
        columns, [&](auto column) { return train.features(row, column) == 1; });
    if (in == columns.end())
      throw DataError{train.name + ": row " + std::to_string(row + 1) +
                      " is in none of the areas Wilderness_Area..., expected 1 in one of the "
                      "columns; choose another --partition"};
    areas.push_back(static_cast<std::uint32_t>(in - columns.begin()));
  }
  return areas;
}

}  // namespace

std::vector<std::uint32_t> natural_groups(Source const& source, Dataset const& train) {
  return source.data == "mnist" ? mnist_writers(source, train) : wilderness_areas(train);
}

}  // namespace canopy::data
