#include <cmath>

#include "canopy/forest/forest.hpp"

#include "grow/bag.hpp"
#include "grow/draws.hpp"
#include "grow/grower.hpp"
#include "grow/problem.hpp"
#include "grow/with_score.hpp"
#include "weighted/weighted_grower.hpp"

namespace canopy::forest {
namespace {

using Counts = std::span<std::uint16_t const>;

void check_weights(TrainingRows const& training) {
  auto const& weights = training.weights;
  if (weights.empty()) return;
  if (weights.size() != training.rows.size())
    throw DataError{"there are " + std::to_string(weights.size()) + " sample weights for " +
                    std::to_string(training.rows.size()) + " rows; give one for each row"};
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!std::isfinite(weights[i]) || weights[i] < 0)
      throw DataError{"sample weight " + std::to_string(i + 1) + " is " +
                      text::shortest(weights[i]) + "; give numbers of 0 or more"};
  if (std::ranges::all_of(weights, [](double weight) { return weight == 0; }))
    throw DataError{
        "all sample weights are 0, so there is nothing to learn from; give at least "
        "one row a weight above 0"};
}

void check(EncodedTable const& table, TrainingRows const& training) {
  if (table.labels().empty())
    throw DataError{"the table has no labels to learn from; name the label column with --label"};
  if (training.rows.empty()) throw DataError{"there are no rows to learn from; give at least one"};
  check_weights(training);
}

/// Weights by inverse class frequency, over all rows or over this tree's bootstrap.
std::vector<double> class_weights(Problem const& problem, Counts counts) {
  return weighs_by_bootstrap(problem.parameters)
             ? balanced_weights(problem.table, problem.rows, counts)
             : problem.balanced;
}

/// What each row weighs in one tree, multiplied in scikit-learn's order.
std::vector<double> row_weights(Problem const& problem, Counts counts) {
  std::vector<double> result(problem.weights.begin(), problem.weights.end());
  result.resize(problem.rows.size(), 1.0);
  auto const by_count = [&] {
    for (std::size_t i = 0; i < counts.size(); ++i) result[i] *= counts[i];
  };
  auto const by_class = [&] {
    auto const of_class = class_weights(problem, counts);
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] *= of_class[problem.table.labels()[problem.rows[i]]];
  };
  if (problem.parameters.class_weight != ClassWeight::none &&
      !weighs_by_bootstrap(problem.parameters))
    by_class();
  by_count();
  if (weighs_by_bootstrap(problem.parameters)) by_class();
  return result;
}

template <class Compact>
struct Memory {
  Workspace<Compact> counted;
  WeightedMemory weighted;
};

template <class Draws>
Tree grow_weighted(Problem const& problem, Counts counts, Draws& draws, StopToken const& stop,
                   WeightedMemory& memory) {
  auto weights = row_weights(problem, counts);
  if (problem.parameters.rng == Rng::keyed) make_sums_exact(weights);
  fill(memory.bag, problem.table, problem.rows, weights);
  return WeightedGrower{problem, draws, stop, memory}.grow();
}

template <class Compact, class Draws>
Tree grow_tree(Problem const& problem, Draws& draws, StopToken const& stop,
               Memory<Compact>& memory) {
  auto& bag = memory.counted.bag;
  auto const& parameters = problem.parameters;
  auto const counts = parameters.uses_bootstrap()
                          ? draws.bootstrap(problem.rows.size(), problem.draws)
                          : std::vector<std::uint16_t>{};
  if (!fill(bag, problem.table, problem.rows, counts, problem.weights, problem.most_counted))
    return grow_weighted(problem, counts, draws, stop, memory.weighted);
  if (parameters.class_weight != ClassWeight::none)
    bag.class_weights = class_weights(problem, counts);
  return with_score(problem, [&](auto score_of) {
    return Grower{problem, score_of(bag), draws, stop, memory.counted}.grow();
  });
}

template <class Compact>
std::vector<Tree> grow_trees_in(Problem const& problem, Key key, int first_tree, int last_tree,
                                StopToken const& stop) {
  // A copy of the table, up to 64 bytes a row, pays from the second tree on.
  auto const copy_table =
      sizeof(Compact) <= 64 && may_compact<Compact>(problem) && last_tree - first_tree >= 2;
  Memory<Compact> memory{Workspace<Compact>{{problem.table, copy_table}}, {}};
  std::vector<Tree> trees;
  for (int t = first_tree; t < last_tree; ++t) {
    throw_if_stopped(stop);
    trees.push_back(
        with_draws(problem.parameters, key, t, problem.table.features(),
                   [&](auto draws) { return grow_tree(problem, draws, stop, memory); }));
  }
  return trees;
}

}  // namespace

std::vector<Tree> grow_trees(EncodedTable const& table, TrainingRows const& rows,
                             ForestParameters const& parameters, Key key, int first_tree,
                             int last_tree, StopToken const& stop) {
  parameters.check();
  check(table, rows);
  Problem const problem{table, rows, parameters};
  return with_row_for(table, [&](auto row) {
    return grow_trees_in<decltype(row)>(problem, key, first_tree, last_tree, stop);
  });
}

}  // namespace canopy::forest
