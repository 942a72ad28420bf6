#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "canopy/data/dataset.hpp"

/// Files in, data sets out. Every failure is a DataError "FILE: line N, column C: problem, expected
/// ..." (lines and columns from 1). Files compressed by gzip are recognised by content.
namespace canopy::data {

/// How to take a table apart.
struct CsvOptions {
  std::string label;              ///< name or number from 1; empty: the last column
  std::vector<std::string> drop;  ///< columns to leave out, by name or number from 1
  std::optional<bool> header;     ///< whether line 1 holds names; nothing: look at it
  std::int64_t max_rows = std::numeric_limits<std::int64_t>::max();  ///< stop after so many
};

/// A table separated by comma, semicolon or tab, fields perhaps in double quotes. Line 1 is taken
/// for names when at least half of its fields are no numbers, or when the others count up 0,1,2...
/// (so that a word among the numbers of the first row is an error, or its class, not a name).
/// Features must be finite numbers; classes are numbers or words. A file *.data or *.data.gz of 55
/// columns without names is UCI's covertype and gets Kaggle's names for them.
Dataset read_csv(std::filesystem::path const& path, CsvOptions const& options = {});

/// Images of unsigned bytes in IDX form (LeCun's MNIST page): one row per image, pixels 0 .. 255.
/// The labels come from the file beside it with "labels-idx1" for "images-idx3", plain or .gz;
/// without such a file the data set has no labels.
Dataset read_idx(std::filesystem::path const& images);

/// Canopy's own form: group "/" with attribute format = "canopy-dataset" and arrays features
/// (rows x columns, float32), feature_names, labels (uint16), class_names; of images also the
/// attributes channels, height, width.
Dataset read_hdf5(std::filesystem::path const& path);

/// A block of the rows of a data set.
struct DatasetPart {
  Dataset rows;
  std::int64_t first = 0;  ///< number of its first row in the data set
  std::int64_t all = 0;    ///< rows of the data set
};
/// Block `part` of `parts` nearly equal ones; reads no other.
DatasetPart read_hdf5_part(std::filesystem::path const& path, int part, int parts);
/// Replaces `path` only once everything is written.
void write_hdf5(std::filesystem::path const& path, Dataset const& dataset);

}  // namespace canopy::data
