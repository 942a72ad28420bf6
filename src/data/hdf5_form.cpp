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

Eigen::MatrixXf to_features(std::filesystem::path const& path, Array const& array) {
  auto const* values = std::get_if<std::vector<float>>(&array.data);
  if (!values || array.shape.size() != 2 || array.size() == 0)
    fail(path, "array 'features' is not a table, expected rows x columns of float32");
  Eigen::MatrixXf features =
      Eigen::Map<RowMajor const>{values->data(), array.shape[0], array.shape[1]};
  for (Eigen::Index column = 0; column < features.cols(); ++column)
    for (Eigen::Index row = 0; row < features.rows(); ++row)
      if (!std::isfinite(features(row, column)))
        fail(path, "array 'features', row " + std::to_string(row + 1) + ", column " +
                       std::to_string(column + 1) + ": expected a finite number");
  return features;
}

void check_counts(std::filesystem::path const& path, Dataset const& dataset) {
  if (std::ssize(dataset.feature_names) != dataset.columns())
    fail(path, "it has " + std::to_string(dataset.feature_names.size()) +
                   " feature names, expected one for each of its " +
                   std::to_string(dataset.columns()) + " columns");
  if (!dataset.has_labels()) return;
  if (std::ssize(dataset.labels) != dataset.rows())
    fail(path, "it has " + std::to_string(dataset.labels.size()) +
                   " labels, expected one for each of its " + std::to_string(dataset.rows()) +
                   " rows");
  auto const highest = std::ranges::max(dataset.labels);
  if (highest >= dataset.classes())
    fail(path, "a label is " + std::to_string(highest) + ", expected less than the " +
                   std::to_string(dataset.classes()) + " classes");
}

Dataset from_arrays(std::filesystem::path const& path, NamedArrays const& arrays) {
  Dataset dataset;
  dataset.name = path.string();
  dataset.label_name = arrays.text_attribute("label_name");
  dataset.features = to_features(path, arrays.at("features"));
  dataset.feature_names = arrays.get<std::string>("feature_names");
  dataset.labels = arrays.get<std::uint16_t>("labels");
  dataset.class_names = arrays.get<std::string>("class_names");
  check_counts(path, dataset);
  return dataset;
}

}  // namespace

Dataset read_hdf5(std::filesystem::path const& path) {
  auto const file = store::File::open_read(path);
  check_form(path, file.read_attributes("/"));
  try {
    return from_arrays(path, file.read("/"));
  } catch (DataError const& error) {
    std::string const problem = error.what();
    if (problem.starts_with(path.string())) throw;
    fail(path, problem);
  }
}

void write_hdf5(std::filesystem::path const& path, Dataset const& dataset) {
  RowMajor const rows = dataset.features;
  NamedArrays arrays;
  arrays.set_attribute("format", std::string{format});
  arrays.set_attribute("version", std::int64_t{1});
  arrays.set_attribute("label_name", dataset.label_name);
  arrays.put("features", std::vector<float>(rows.data(), rows.data() + rows.size()),
             {rows.rows(), rows.cols()});
  arrays.put("feature_names", dataset.feature_names);
  arrays.put("labels", dataset.labels);
  arrays.put("class_names", dataset.class_names);
  store::write_atomically(path, [&](store::File& file) { file.write("/", arrays); });
}

}  // namespace canopy::data
