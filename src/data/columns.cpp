#include "columns.hpp"

#include <algorithm>
#include <numeric>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::data {
namespace {

std::vector<std::string> make_forest_cover_names() {
  std::vector<std::string> names{"Elevation",
                                 "Aspect",
                                 "Slope",
                                 "Horizontal_Distance_To_Hydrology",
                                 "Vertical_Distance_To_Hydrology",
                                 "Horizontal_Distance_To_Roadways",
                                 "Hillshade_9am",
                                 "Hillshade_Noon",
                                 "Hillshade_3pm",
                                 "Horizontal_Distance_To_Fire_Points"};
  for (int i = 1; i <= 4; ++i) names.push_back("Wilderness_Area" + std::to_string(i));
  for (int i = 1; i <= 40; ++i) names.push_back("Soil_Type" + std::to_string(i));
  names.emplace_back("Cover_Type");
  return names;
}

std::string some_of(std::vector<std::string> const& names) {
  std::vector<std::string> const first(
      names.begin(), names.begin() + std::min<std::ptrdiff_t>(8, std::ssize(names)));
  return text::join(first, ", ") + (first.size() < names.size() ? ", ..." : "");
}

}  // namespace

std::optional<std::size_t> find_column(std::vector<std::string> const& names,
                                       std::string const& word) {
  auto const found = std::ranges::find(names, word);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  auto const number = text::to_int(word);
  if (!number || *number < 1 || *number > std::ssize(names)) return {};
  return static_cast<std::size_t>(*number - 1);
}

std::size_t require_column(std::filesystem::path const& path, std::vector<std::string> const& names,
                           std::string const& word, std::string const& purpose) {
  if (auto const found = find_column(names, word)) return *found;
  throw DataError{path.string() + ": line 1: there is no column '" + word + "' for " + purpose +
                  text::did_you_mean(word, names) + ", expected a number from 1 to " +
                  std::to_string(names.size()) + " or one of " + some_of(names)};
}

std::vector<std::string> const& forest_cover_names() {
  static auto const names = make_forest_cover_names();
  return names;
}

void select_columns(Dataset& dataset, std::vector<std::size_t> const& columns) {
  std::vector<std::string> names;
  std::vector<std::size_t> all(static_cast<std::size_t>(dataset.columns()));
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (columns == all) return;
  dataset.image.reset();
  Eigen::MatrixXf features(dataset.features.rows(), static_cast<Eigen::Index>(columns.size()));
  for (auto const column : columns) {
    features.col(std::ssize(names)) = dataset.features.col(static_cast<Eigen::Index>(column));
    names.push_back(dataset.feature_names[column]);
  }
  dataset.feature_names = std::move(names);
  dataset.features = std::move(features);
}

}  // namespace canopy::data
