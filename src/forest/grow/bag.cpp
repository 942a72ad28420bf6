#include "grow/bag.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace canopy::forest {

double Bag::weight() const {
  double sum = 0;
  for (std::size_t k = 0; k < class_counts.size(); ++k) sum += class_counts[k] * class_weights[k];
  return sum;
}

std::uint32_t bootstrap_size(ForestParameters const& parameters, std::size_t rows) {
  auto const all = static_cast<double>(rows);
  if (!parameters.max_samples) return static_cast<std::uint32_t>(rows);
  auto const& asked = *parameters.max_samples;
  if (!asked.is_share() && asked.value() > all)
    throw UserError{"--max-samples is " + text::shortest(asked.value()) + " but there are only " +
                    std::to_string(rows) + " rows to draw from; give at most " +
                    std::to_string(rows) + ", or a share as in 0.5"};
  auto const number = asked.is_share() ? std::nearbyint(asked.value() * all) : asked.value();
  return static_cast<std::uint32_t>(std::max(number, 1.0));
}

bool weighs_by_bootstrap(ForestParameters const& parameters) {
  return parameters.class_weight == ClassWeight::balanced_subsample && parameters.uses_bootstrap();
}

std::vector<double> balanced_weights(std::vector<double> class_counts) {
  double total = 0;
  double present = 0;
  for (auto const count : class_counts) {
    total += count;
    present += count > 0;
  }
  for (auto& count : class_counts) count = count > 0 ? total / (present * count) : 0.0;
  return class_counts;
}

std::vector<double> balanced_weights(data::EncodedTable const& table,
                                     std::span<data::RowIndex const> rows,
                                     std::span<std::uint16_t const> counts) {
  std::vector<double> class_counts(static_cast<std::size_t>(table.classes()));
  for (std::size_t i = 0; i < rows.size(); ++i)
    class_counts[table.labels()[rows[i]]] += counts.empty() ? 1 : counts[i];
  return balanced_weights(std::move(class_counts));
}

bool fill(Bag& bag, data::EncodedTable const& table, std::span<data::RowIndex const> rows,
          std::span<std::uint16_t const> counts, std::span<double const> weights, double most) {
  constexpr double largest = std::numeric_limits<std::uint16_t>::max();
  auto const labels = table.labels();
  double sum = 0;
  bag.samples.clear();
  bag.class_counts.assign(static_cast<std::size_t>(table.classes()), 0);
  bag.class_weights.assign(static_cast<std::size_t>(table.classes()), 1.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const weight = (counts.empty() ? 1 : counts[i]) * (weights.empty() ? 1.0 : weights[i]);
    if (weight == 0) continue;
    if (weight > largest || weight != std::floor(weight)) return false;
    auto const label = labels[rows[i]];
    auto const whole = static_cast<std::uint16_t>(weight);
    bag.samples.push_back({rows[i], label, whole});
    bag.class_counts[label] += whole;
    sum += weight;
    if (sum > most) return false;
  }
  return true;
}

}  // namespace canopy::forest
