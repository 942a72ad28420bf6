#include "canopy/tune/slices.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "canopy/tune/trial.hpp"

namespace canopy::tune {

SliceAxes::SliceAxes(std::vector<std::string> const& names, Space const& space,
                     Configuration const& defaults) {
  for (auto const& name : names) {
    auto const searched = std::ranges::find(space.searched(), name, &Parameter::name);
    if (searched == space.searched().end()) {
      auto const* fixed = find(space.fixed(), name);
      axes_.push_back({name, {fixed != nullptr ? *fixed : *find(defaults, name)}});
      continue;
    }
    if (searched->condition)
      throw UserError{fmt::format(
          "[space] makes {} depend on {}, and slices are scored for all values at once; take its "
          "`if` away or leave --slices out",
          name, searched->condition->parameter)};
    axes_.push_back({name, searched->grid()});
  }
}

std::size_t SliceAxes::size() const {
  if (empty()) return 0;
  return std::accumulate(
      axes_.begin(), axes_.end(), std::size_t{1},
      [](auto product, Axis const& axis) { return product * axis.values.size(); });
}

Configuration SliceAxes::at(std::size_t index) const {
  Configuration values;
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    values.emplace_back(axis->name, axis->values[index % axis->values.size()]);
    index /= axis->values.size();
  }
  std::ranges::reverse(values);
  return values;
}

Table slices_table(std::vector<Trial> const& trials, SliceAxes const& axes) {
  using Type = Table::Type;
  Table table{"slices"};
  table.column("trial", Type::integer);
  std::vector<Type> types;
  for (auto const& axis : axes.axes()) {
    types.push_back(column_type(axis.values));
    table.column(axis.name, types.back());
  }
  table.column("score", Type::real);
  for (auto const& trial : trials) {
    if (trial.folds_done() < std::ssize(trial.folds)) continue;
    auto const scores = trial.slice_scores();
    for (std::size_t index = 0; index < scores.size(); ++index) {
      std::vector<Cell> row{std::int64_t{trial.id}};
      auto const values = axes.at(index);
      for (std::size_t a = 0; a < values.size(); ++a)
        row.push_back(cell_of(values[a].second, types[a]));
      row.emplace_back(scores[index]);
      table.add(row);
    }
  }
  return table;
}

}  // namespace canopy::tune
