#include "grow/problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "grow/bag.hpp"

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
                       table.block(place).is_group(),
                       close[static_cast<std::size_t>(place.block)]});
  }
  return columns;
}

/// Squares of sums up to here are whole numbers in double too, where scikit-learn makes them, and
/// in 64 bits.
double most_counted_by(ForestParameters const& parameters) {
  if (parameters.rng == Rng::keyed) return 0x1p31;
  return parameters.class_weight == ClassWeight::none ? 0x1p26 : 0;
}

/// No sum of counted weights is larger.
std::uint32_t largest_sum(Problem const& problem) {
  if (problem.weights.empty()) return problem.draws;
  auto const sum = problem.parameters.uses_bootstrap()
                       ? problem.draws * std::ranges::max(problem.weights)
                       : std::accumulate(problem.weights.begin(), problem.weights.end(), 0.0);
  return static_cast<std::uint32_t>(std::min(sum, problem.most_counted));
}

std::vector<CodeGrid> grids_of(data::EncodedTable const& table) {
  std::vector<CodeGrid> grids;
  for (auto const& block : table.blocks())
    grids.push_back(block.is_group() ? CodeGrid{} : CodeGrid{block.values});
  return grids;
}

Whole whole_of(data::EncodedTable const& table, std::span<data::RowIndex const> rows) {
  Whole whole{rows.size(), std::vector<std::uint32_t>(static_cast<std::size_t>(table.classes()))};
  for (auto const row : rows) ++whole.class_counts[table.labels()[row]];
  return whole;
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

Problem::Problem(data::EncodedTable const& the_table, TrainingRows const& the_rows,
                 ForestParameters const& the_parameters)
    : Problem{the_table, the_rows, the_parameters, whole_of(the_table, the_rows.rows)} {}

Problem::Problem(data::EncodedTable const& the_table, TrainingRows const& the_rows,
                 ForestParameters const& the_parameters, Whole const& whole)
    : table{the_table},
      rows{the_rows.rows},
      weights{the_rows.weights},
      parameters{the_parameters},
      limits{the_parameters, whole.rows, the_table.features()},
      most_counted{most_counted_by(the_parameters)},
      has_whole_sums{
          the_parameters.class_weight == ClassWeight::none &&
          (the_parameters.rng == Rng::keyed || the_parameters.criterion == Criterion::gini)},
      draws{bootstrap_size(the_parameters, whole.rows)},
      columns{columns_of(the_table)} {
  if (parameters.class_weight != ClassWeight::none)
    balanced = balanced_weights({whole.class_counts.begin(), whole.class_counts.end()});
  if (parameters.kind == Kind::extra_trees) grids = grids_of(table);
  if (has_whole_sums && parameters.criterion != Criterion::gini) xlogx.emplace(largest_sum(*this));
}

}  // namespace canopy::forest
