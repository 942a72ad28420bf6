#include <limits>

#include "canopy/forest/forest.hpp"

#include "bag.hpp"
#include "draws.hpp"
#include "grower.hpp"
#include "impurity.hpp"
#include "problem.hpp"

namespace canopy::forest {
namespace {

void check_table(EncodedTable const& table, std::span<RowIndex const> rows) {
  if (table.labels().empty())
    throw DataError{"the table has no labels to learn from; name the label column with --label"};
  if (rows.empty()) throw DataError{"there are no rows to learn from; give at least one"};
}

/// Weights by inverse class frequency, over all rows or over this tree's bootstrap.
std::vector<double> class_weights(Problem const& problem, Bag const& bag) {
  auto const over_bag = problem.parameters.class_weight == ClassWeight::balanced_subsample &&
                        problem.parameters.uses_bootstrap();
  return over_bag ? balanced_weights(bag.class_counts) : problem.balanced;
}

template <class Draws>
Tree grow_tree(Problem const& problem, Draws draws, StopToken const& stop) {
  Bag bag;
  auto const& parameters = problem.parameters;
  auto const counts = parameters.uses_bootstrap()
                          ? draws.bootstrap(problem.rows.size(), problem.draws)
                          : std::vector<std::uint16_t>{};
  fill(bag, problem.table, problem.rows, counts);
  auto const classes = bag.class_counts.size();
  if (parameters.class_weight != ClassWeight::none) {
    bag.class_weights = class_weights(problem, bag);
    WeightedScore score{parameters.criterion, bag.class_weights};
    return Grower{problem, bag, std::move(score), draws, stop}.grow();
  }
  if (parameters.criterion == Criterion::gini)
    return Grower{problem, bag, GiniScore{classes}, draws, stop}.grow();
  return Grower{problem, bag, EntropyScore{classes, *problem.xlogx}, draws, stop}.grow();
}

}  // namespace

std::vector<Tree> grow_trees(EncodedTable const& table, std::span<RowIndex const> rows,
                             ForestParameters const& parameters, Key key, int first_tree,
                             int last_tree, StopToken const& stop) {
  parameters.check();
  check_table(table, rows);
  Problem const problem{table, rows, parameters};
  std::vector<Tree> trees;
  for (int t = first_tree; t < last_tree; ++t) {
    throw_if_stopped(stop);
    trees.push_back(grow_tree(problem, KeyedDraws{tree_key(key, t), table.features()}, stop));
  }
  return trees;
}

}  // namespace canopy::forest
