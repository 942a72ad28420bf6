#pragma once

#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/forest/forest.hpp"

/// Small data sets for the tests of this room.
namespace canopy::forest::test {

inline data::Dataset dataset(Eigen::MatrixXf features, std::vector<std::uint16_t> labels,
                             int classes) {
  data::Dataset set{.name = "test",
                    .feature_names = {},
                    .features = std::move(features),
                    .labels = std::move(labels),
                    .class_names = {},
                    .label_name = "label"};
  for (int f = 0; f < set.columns(); ++f) set.feature_names.push_back("f" + std::to_string(f));
  for (int k = 0; k < classes; ++k) set.class_names.push_back("c" + std::to_string(k));
  return set;
}

/// Noisy classes over columns of every kind: continuous, whole numbers with many repeats, a
/// constant, a 0/1 column and a one-hot group of five.
inline data::Dataset mixed(int rows, int classes, std::uint64_t seed) {
  Stream random{Key{seed}.with("mixed")};
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(rows, 10);
  std::vector<std::uint16_t> labels;
  for (int i = 0; i < rows; ++i) {
    auto const group = static_cast<int>(random.below(5));
    x(i, 0) = static_cast<float>(random.normal());
    x(i, 1) = static_cast<float>(random.below(12)) - 6;
    x(i, 2) = 3;
    x(i, 3) = static_cast<float>(random.below(2)) * 2 - 1;
    x(i, 4) = static_cast<float>(random.uniform(-1e4, 1e4));
    x(i, 5 + group) = 1;
    auto const score = x(i, 0) + x(i, 1) / 4 + static_cast<float>(group == 2) + random.normal();
    labels.push_back(static_cast<std::uint16_t>(
        std::clamp(static_cast<int>(score + classes / 2.0), 0, classes - 1)));
  }
  return dataset(std::move(x), std::move(labels), classes);
}

/// Distinct values of a column: evenly spaced, ever wider apart, and from end to end of float.
inline std::vector<std::vector<float>> ascending_values() {
  std::vector<float> even, squares, skewed{-1e30f};
  for (int i = 0; i < 5000; ++i) even.push_back(static_cast<float>(i));
  for (int i = -2000; i < 3000; ++i)
    squares.push_back(static_cast<float>(i) * std::abs(static_cast<float>(i)));
  for (int i = 0; i < 3000; ++i) skewed.push_back(std::exp(static_cast<float>(i) / 100));
  skewed.push_back(3e38f);
  return {even, squares, skewed};
}

inline std::vector<RowIndex> all_rows(EncodedTable const& table) {
  std::vector<RowIndex> rows(static_cast<std::size_t>(table.rows()));
  std::iota(rows.begin(), rows.end(), RowIndex{0});
  return rows;
}

/// Parameters from words as a user writes them: {"max-depth", "3"}.
inline ForestParameters parameters(
    std::vector<std::pair<std::string, std::string>> const& settings) {
  ForestParameters result;
  Options options;
  result.describe(options);
  for (auto const& [name, value] : settings) options.set(name, value);
  return result;
}

inline Forest grow(data::Dataset const& set, ForestParameters const& parameters,
                   std::uint64_t seed = 1) {
  auto const table = EncodedTable::encode(set);
  return Forest{
      parameters,
      grow_trees(table, all_rows(table), parameters, Key{seed}, 0, parameters.n_estimators),
      set.class_names, set.feature_names};
}

}  // namespace canopy::forest::test
