#pragma once

#include "grow/bag.hpp"
#include "grow/problem.hpp"
#include "split/gini_score.hpp"
#include "split/impurity.hpp"

namespace canopy::forest {

/// Calls `work` with a function that makes the score of a tree from its bag, for the criterion and
/// the kind of weights that the parameters ask for. Only for trees that are grown on counts.
template <class Work>
decltype(auto) with_score(Problem const& problem, Work&& work) {
  auto const criterion = problem.parameters.criterion;
  if (!problem.has_whole_sums)
    return work([=](Bag const& bag) { return WeightedScore{criterion, bag.class_weights}; });
  if (criterion == Criterion::gini)
    return work([](Bag const& bag) { return GiniScore{bag.class_counts.size()}; });
  return work([&problem](Bag const& bag) {
    return EntropyScore{bag.class_counts.size(), *problem.xlogx};
  });
}

}  // namespace canopy::forest
