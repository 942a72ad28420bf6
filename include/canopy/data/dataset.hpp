#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace canopy::data {

/// What a row is one sample of: an image, channel after channel, each pixel row after pixel row.
struct SampleShape {
  int channels = 1;
  int height = 1;
  int width = 1;

  int size() const { return channels * height * width; }
  friend bool operator==(SampleShape const&, SampleShape const&) = default;
};

/// A table of numbers with a class for every row: what the readers give and the encoder takes.
struct Dataset {
  std::string name;                        ///< as the user wrote it
  std::vector<std::string> feature_names;  ///< one per column of `features`
  Eigen::MatrixXf features;                ///< rows x columns, column-major; finite everywhere
  std::vector<std::uint16_t> labels;       ///< class number per row; empty when there are none
  std::vector<std::string> class_names;    ///< by class number: ascending numbers, or sorted words
  std::string label_name;                  ///< "Cover_Type"
  std::optional<SampleShape> image = {};   ///< nothing when the columns are no pixels

  std::int64_t rows() const { return features.rows(); }
  int columns() const { return static_cast<int>(features.cols()); }
  int classes() const { return static_cast<int>(class_names.size()); }
  bool has_labels() const { return !labels.empty(); }
};

}  // namespace canopy::data
