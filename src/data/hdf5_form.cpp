#include <algorithm>
#include <cmath>

#include "canopy/core/error.hpp"
#include "canopy/data/readers.hpp"
#include "canopy/store/arrays.hpp"

namespace canopy::data {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

char constexpr format[] = "canopy-dataset";

[[noreturn]] void fail(std::filesystem::path const& path, std::string const& problem) {
  throw DataError{path.string() + ": " + problem};
}

void check_form(std::filesystem::path const& path, NamedArrays const& attributes) {
  auto const* form = attributes.has_attribute("format")
                         ? std::get_if<std::string>(&attributes.attribute("format"))
                         : nullptr;
  if (!form || *form != format)
    fail(path,
         std::string{"this HDF5 file is not a data set of Canopy, expected attribute format = '"} +
             format + "'; make one with: canopy data convert");
}

/// `first_row` is only for messages.
Eigen::MatrixXf to_features(std::filesystem::path const& path, Array const& array,
                            std::int64_t first_row) {
  auto const* values = std::get_if<std::vector<float>>(&array.data);
  if (!values || array.shape.size() != 2)
    fail(path, "array 'features' is not a table, expected rows x columns of float32");
  Eigen::MatrixXf features =
      Eigen::Map<RowMajor const>{values->data(), array.shape[0], array.shape[1]};
  for (Eigen::Index column = 0; column < features.cols(); ++column)
    for (Eigen::Index row = 0; row < features.rows(); ++row)
      if (!std::isfinite(features(row, column)))
        fail(path, "array 'features', row " + std::to_string(first_row + row + 1) + ", column " +
                       std::to_string(column + 1) + ": expected a finite number");
  return features;
}

std::int64_t rows_of(std::filesystem::path const& path, store::File const& file) {
  auto const shape = file.shape("/", "features");
  if (shape.size() != 2 || shape[0] * shape[1] == 0)
    fail(path, "array 'features' is not a table, expected rows x columns of float32");
  return shape[0];
}

bool has_labels(std::filesystem::path const& path, store::File const& file, std::int64_t rows) {
  auto const shape = file.shape("/", "labels");
  auto const labels = shape.empty() ? 0 : shape[0];
  if (labels != 0 && labels != rows)
    fail(path, "it has " + std::to_string(labels) + " labels, expected one for each of its " +
                   std::to_string(rows) + " rows");
  return labels > 0;
}

void check_counts(std::filesystem::path const& path, Dataset const& dataset) {
  if (std::ssize(dataset.feature_names) != dataset.columns())
    fail(path, "it has " + std::to_string(dataset.feature_names.size()) +
                   " feature names, expected one for each of its " +
                   std::to_string(dataset.columns()) + " columns");
  if (!dataset.has_labels()) return;
  auto const highest = std::ranges::max(dataset.labels);
  if (highest >= dataset.classes())
    fail(path, "a label is " + std::to_string(highest) + ", expected less than the " +
                   std::to_string(dataset.classes()) + " classes");
}

template <class T>
std::vector<T> list_of(std::filesystem::path const& path, std::string const& name, Array array) {
  if (auto* values = std::get_if<std::vector<T>>(&array.data)) return std::move(*values);
  fail(path, "array '" + name + "' is not of the expected type");
}

/// Pixels per sample, if the file says that its rows are images.
std::optional<SampleShape> image_of(std::filesystem::path const& path,
                                    NamedArrays const& attributes, int columns) {
  if (!attributes.has_attribute("channels")) return {};
  auto const number = [&](char const* name) {
    return static_cast<int>(attributes.int_attribute(name));
  };
  SampleShape const image{number("channels"), number("height"), number("width")};
  if (std::int64_t{image.channels} * image.height * image.width != columns || image.height < 1 ||
      image.width < 1)
    fail(path, "its attributes channels, height and width do not make up its " +
                   std::to_string(columns) + " columns");
  return image;
}

/// Rows first .. end-1 of `all`.
Dataset read_block(std::filesystem::path const& path, store::File const& file, std::int64_t first,
                   std::int64_t end, std::int64_t all) {
  Dataset dataset;
  dataset.name = path.string();
  auto const attributes = file.read_attributes("/");
  dataset.label_name = attributes.text_attribute("label_name");
  auto const texts = [&](char const* name) {
    return list_of<std::string>(path, name, file.read_array("/", name));
  };
  dataset.feature_names = texts("feature_names");
  dataset.class_names = texts("class_names");
  dataset.features = to_features(path, file.read_rows("/", "features", first, end - first), first);
  if (has_labels(path, file, all))
    dataset.labels =
        list_of<std::uint16_t>(path, "labels", file.read_rows("/", "labels", first, end - first));
  dataset.image = image_of(path, attributes, dataset.columns());
  check_counts(path, dataset);
  return dataset;
}

}  // namespace

DatasetPart read_hdf5_part(std::filesystem::path const& path, int part, int parts) {
  auto const file = store::File::open_read(path);
  check_form(path, file.read_attributes("/"));
  try {
    auto const rows = rows_of(path, file);
    auto const first = rows * part / parts;
    auto const end = rows * (part + 1) / parts;
    return {read_block(path, file, first, end, rows), first, rows};
  } catch (DataError const& error) {
    std::string const problem = error.what();
    if (problem.starts_with(path.string())) throw;
    fail(path, problem);
  }
}

Dataset read_hdf5(std::filesystem::path const& path) {
  return read_hdf5_part(path, 0, 1).rows;
}

void write_hdf5(std::filesystem::path const& path, Dataset const& dataset) {
  RowMajor const rows = dataset.features;
  NamedArrays arrays;
  arrays.set_attribute("format", std::string{format});
  arrays.set_attribute("version", std::int64_t{1});
  arrays.set_attribute("label_name", dataset.label_name);
  if (auto const& image = dataset.image) {
    arrays.set_attribute("channels", std::int64_t{image->channels});
    arrays.set_attribute("height", std::int64_t{image->height});
    arrays.set_attribute("width", std::int64_t{image->width});
  }
  arrays.put("features", std::vector<float>(rows.data(), rows.data() + rows.size()),
             {rows.rows(), rows.cols()});
  arrays.put("feature_names", dataset.feature_names);
  arrays.put("labels", dataset.labels);
  arrays.put("class_names", dataset.class_names);
  store::write_atomically(path, [&](store::File& file) { file.write("/", arrays); });
}

}  // namespace canopy::data
