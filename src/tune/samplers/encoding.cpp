#include "samplers/encoding.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace canopy::tune {

Encoding::Encoding(Space space) : space_{std::move(space)} {
  auto const& searched = space_.searched();
  for (std::size_t i = 0; i < searched.size(); ++i) {
    auto& columns = columns_.emplace_back();
    has_conditions_ = has_conditions_ || searched[i].condition;
    if (!searched[i].values.empty()) {
      columns.choice = dimensions_.size();
      dimensions_.push_back({i, static_cast<int>(searched[i].parts())});
    }
    if (searched[i].kind != Parameter::Kind::list) {
      columns.range = dimensions_.size();
      dimensions_.push_back({i});
    }
  }
}

std::optional<Point> Encoding::encode(Configuration const& configuration) const {
  for (auto const& [name, value] : space_.fixed())
    if (auto const* own = find(configuration, name); own != nullptr && *own != value) return {};
  Point point(size(), std::numeric_limits<double>::quiet_NaN());
  Configuration there;
  if (has_conditions_) there = space_.fixed();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto const& parameter = space_.searched()[i];
    if (!parameter.is_active(there)) continue;
    auto const* value = find(configuration, parameter.name);
    if (value == nullptr) continue;
    if (has_conditions_) there.emplace_back(parameter.name, *value);
    auto const place = parameter.place(*value);
    if (!place) continue;
    if (columns_[i].choice) point[*columns_[i].choice] = static_cast<double>(place->part);
    if (columns_[i].range && place->part == parameter.values.size())
      point[*columns_[i].range] = place->within;
  }
  auto const is_nothing = [](double x) { return std::isnan(x); };
  if (!point.empty() && std::ranges::all_of(point, is_nothing)) return {};
  return point;
}

Configuration Encoding::decode(Point const& point) const {
  auto configuration = space_.fixed();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto const& parameter = space_.searched()[i];
    if (!parameter.is_active(configuration)) continue;
    Parameter::Place place{parameter.values.size(), 0.5};
    if (columns_[i].choice) place.part = static_cast<std::size_t>(point[*columns_[i].choice]);
    if (place.part == parameter.values.size()) place.within = point[*columns_[i].range];
    configuration.emplace_back(parameter.name, parameter.at(place));
  }
  return configuration;
}

Point Encoding::settled(Point const& point) const {
  return *encode(decode(point));
}

Point Encoding::at(std::span<double const> coordinates) const {
  return *encode(space_.at(coordinates));
}

std::vector<double> Encoding::coordinates(Point const& point) const {
  std::vector<double> all;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto const& [choice, range] = columns_[i];
    auto const words = static_cast<double>(space_.searched()[i].values.size());
    auto const part = choice ? point[*choice] : words;
    auto const within = range && part == words ? point[*range] : 0.5;
    auto const u = (part + within) / static_cast<double>(space_.searched()[i].parts());
    all.push_back(std::isnan(u) ? 0.5 : u);
  }
  return all;
}

bool same(Point const& a, Point const& b) {
  return std::ranges::equal(
      a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

}  // namespace canopy::tune
