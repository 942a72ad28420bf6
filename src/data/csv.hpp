#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "canopy/data/dataset.hpp"

namespace canopy::data {

/// The columns of a table file, known once its first line is read.
struct CsvColumns {
  std::vector<std::string> names;  ///< of the header, UCI's, or column1, column2, ...
  bool named = false;              ///< whether the names mean something
};

/// Which columns to take: places in the file.
struct CsvPlan {
  std::vector<std::size_t> features;  ///< in the order wanted
  std::optional<std::size_t> label;
  std::optional<std::size_t> id;  ///< kept as text
};

/// The rows of a table file, with the text of the id column when the plan names one.
struct CsvTable {
  Dataset dataset;
  std::vector<std::string> id;
};

/// Reads the columns that `choose` picks, given those that there are. `header` as in CsvOptions.
CsvTable scan_csv(std::filesystem::path const& path, std::optional<bool> header,
                  std::int64_t max_rows, std::function<CsvPlan(CsvColumns const&)> const& choose);

}  // namespace canopy::data
