#include "problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "bag.hpp"

namespace canopy::forest {
namespace {

/// A tree of pure leaves has up to 2 * rows - 1 nodes, numbered in 32 bits with a sign. Sums of
/// squared weights then stay below 2^60 and those of x log2 x below 2^62 as well.
constexpr std::size_t most_rows = std::size_t{1} << 30;

void check_rows(std::size_t rows) {
  if (rows > most_rows)
    throw DataError{"there are " + std::to_string(rows) +
                    " rows to learn from but a tree takes at most " + std::to_string(most_rows) +
                    "; learn from fewer rows"};
}

std::uint32_t rows_of(Count const& count, std::size_t rows) {
  auto const number =
      count.is_share() ? std::ceil(count.value() * static_cast<double>(rows)) : count.value();
  return static_cast<std::uint32_t>(number);
}

bool has_close_values(data::Block const& block) {
  for (std::size_t i = 1; i < block.values.size(); ++i)
    if (!are_apart(block.values[i - 1], block.values[i])) return true;
  return false;
}

std::vector<Column> columns_of(data::EncodedTable const& table) {
  std::vector<bool> close;
  for (auto const& block : table.blocks()) close.push_back(has_close_values(block));
  std::vector<Column> columns;
  for (int f = 0; f < table.features(); ++f) {
    auto const place = table.place(f);
    columns.push_back({&table.block(place), place.block, static_cast<std::uint32_t>(place.member),
                       close[static_cast<std::size_t>(place.block)]});
  }
  return columns;
}

std::vector<double> balanced_over(data::EncodedTable const& table,
                                  std::span<data::RowIndex const> rows) {
  std::vector<std::uint32_t> counts(static_cast<std::size_t>(table.classes()));
  for (auto const row : rows) ++counts[table.labels()[row]];
  return balanced_weights(counts);
}

}  // namespace

Limits::Limits(ForestParameters const& parameters, std::size_t rows, int features)
    : max_depth{parameters.max_depth.value_or(std::numeric_limits<std::int32_t>::max())},
      min_samples_split{std::max(2u, rows_of(parameters.min_samples_split, rows))},
      min_samples_leaf{rows_of(parameters.min_samples_leaf, rows)},
      max_features{parameters.max_features.of(features)},
      max_leaf_nodes{parameters.max_leaf_nodes},
      min_impurity_decrease{parameters.min_impurity_decrease} {
  check_rows(rows);
  auto const two_leaves = std::min<std::uint64_t>(2 * std::uint64_t{min_samples_leaf}, ~0u);
  min_samples_split = std::max(min_samples_split, static_cast<std::uint32_t>(two_leaves));
}

Problem::Problem(data::EncodedTable const& the_table, std::span<data::RowIndex const> the_rows,
                 ForestParameters const& the_parameters)
    : table{the_table},
      rows{the_rows},
      parameters{the_parameters},
      limits{the_parameters, the_rows.size(), the_table.features()},
      has_whole_sums{
          the_parameters.class_weight == ClassWeight::none &&
          (the_parameters.rng == Rng::keyed || the_parameters.criterion == Criterion::gini)},
      draws{bootstrap_size(the_parameters, the_rows.size())},
      columns{columns_of(the_table)} {
  if (parameters.class_weight != ClassWeight::none) balanced = balanced_over(table, rows);
  if (has_whole_sums && parameters.criterion != Criterion::gini) xlogx.emplace(draws);
}

}  // namespace canopy::forest
