#include <limits>

#include "canopy/forest/forest.hpp"

#include "bag.hpp"
#include "draws.hpp"
#include "gini_score.hpp"
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

template <std::size_t Lanes, class Draws>
Tree grow_tree(Problem const& problem, Draws& draws, StopToken const& stop,
               Workspace<Lanes>& memory) {
  auto& bag = memory.bag;
  auto const& parameters = problem.parameters;
  auto const counts = parameters.uses_bootstrap()
                          ? draws.bootstrap(problem.rows.size(), problem.draws)
                          : std::vector<std::uint16_t>{};
  fill(bag, problem.table, problem.rows, counts);
  auto const classes = bag.class_counts.size();
  if (!problem.has_whole_sums) {
    if (parameters.class_weight != ClassWeight::none)
      bag.class_weights = class_weights(problem, bag);
    WeightedScore score{parameters.criterion, bag.class_weights};
    return Grower{problem, std::move(score), draws, stop, memory}.grow();
  }
  if (parameters.criterion == Criterion::gini)
    return Grower{problem, GiniScore{classes}, draws, stop, memory}.grow();
  return Grower{problem, EntropyScore{classes, *problem.xlogx}, draws, stop, memory}.grow();
}

template <std::size_t Lanes>
std::vector<Tree> grow_trees_in(Problem const& problem, Key key, int first_tree, int last_tree,
                                StopToken const& stop) {
  // A copy of the table, 32 bytes a row, pays from the second tree on.
  auto const copy_table =
      Lanes == 16 && fits_compact_rows<Lanes>(problem.table) && last_tree - first_tree >= 2;
  Workspace<Lanes> memory{{problem.table, copy_table}};
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

std::vector<Tree> grow_trees(EncodedTable const& table, std::span<RowIndex const> rows,
                             ForestParameters const& parameters, Key key, int first_tree,
                             int last_tree, StopToken const& stop) {
  parameters.check();
  check_table(table, rows);
  Problem const problem{table, rows, parameters};
  if (fits_compact_rows<16>(table))
    return grow_trees_in<16>(problem, key, first_tree, last_tree, stop);
  return grow_trees_in<64>(problem, key, first_tree, last_tree, stop);
}

}  // namespace canopy::forest
