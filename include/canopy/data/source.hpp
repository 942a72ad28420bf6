#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "canopy/core/options.hpp"
#include "canopy/data/dataset.hpp"
#include "canopy/data/readers.hpp"

namespace canopy::data {

/// Which data a command works on. The same rows (options) in every command.
struct Source {
  std::string data = "forest-cover";
  std::filesystem::path data_dir = default_dir();  ///< holds forest-cover/, mnist/, ...
  std::string label;                               ///< name or number from 1; empty: last column
  std::vector<std::string> drop;                   ///< names or numbers from 1

  void describe(Options& options);
  /// $CANOPY_DATA_DIR, else "data".
  static std::filesystem::path default_dir();
};

/// The data names that need no path, with what each is; for --help and for errors.
struct NamedSource {
  std::string name;
  std::string summary;
};
std::vector<NamedSource> const& named_sources();

/// What a source holds: rows to learn from, and a test set when it comes with one (MNIST).
struct Loaded {
  Dataset train;
  std::optional<Dataset> test;
};

/// Reads a named set, a generator (`synthetic:forest-cover,rows=N`) or a file. `seed` is used by
/// the generators only. Throws DataError (exit status 3) naming file, line and column.
Loaded load(Source const& source, std::uint64_t seed);

/// Block `part` of `parts` nearly equal ones of load()'s rows, when the source is a file that can
/// be read from any row on (Canopy's own HDF5 form); nothing when it is of another kind.
std::optional<DatasetPart> load_part(Source const& source, int part, int parts);

/// Rows without needing labels, for `predict`: the columns named by `feature_names` in that order
/// (by place when the file has no header), plus the text of column `id` if asked.
struct Unlabelled {
  Dataset rows;                 ///< labels filled in if the label column is there
  std::vector<std::string> id;  ///< one per row, empty when no `id` was asked for
};
Unlabelled load_rows(Source const& source, std::vector<std::string> const& feature_names,
                     std::string const& label_name, std::string const& id, std::uint64_t seed);

}  // namespace canopy::data
