#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "canopy/data/dataset.hpp"

namespace canopy::data {

/// Place of the column that `word` names, by name first and then by number from 1.
std::optional<std::size_t> find_column(std::vector<std::string> const& names,
                                       std::string const& word);

/// The same, or DataError "FILE: line 1: there is no column 'WORD' for <purpose> ...".
std::size_t require_column(std::filesystem::path const& path, std::vector<std::string> const& names,
                           std::string const& word, std::string const& purpose);

/// Kaggle's names for the 54 features of the forest cover data and, last, its label.
std::vector<std::string> const& forest_cover_names();

/// Keeps only these columns, in this order.
void select_columns(Dataset& dataset, std::vector<std::size_t> const& columns);

}  // namespace canopy::data
