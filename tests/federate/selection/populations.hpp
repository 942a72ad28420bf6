#pragma once

#include <utility>
#include <vector>

#include "canopy/federate/selection.hpp"

namespace canopy::federate::test {

inline Population population(std::vector<std::int64_t> rows) {
  auto const clients = static_cast<int>(rows.size());
  return {.clients = clients, .rows = [rows = std::move(rows)](int client) {
            return rows.at(static_cast<std::size_t>(client));
          }};
}

inline Population equal_clients(int clients) {
  return {.clients = clients, .rows = [](int) { return std::int64_t{100}; }};
}

inline std::unique_ptr<Selector> selector(std::string const& name, Population const& population,
                                          SelectionOptions options = {}) {
  options.selector = name;
  return selectors().make(name, options, population);
}

inline double chi_square(std::vector<int> const& counts, std::vector<double> const& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    sum += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  return sum;
}

}  // namespace canopy::federate::test
