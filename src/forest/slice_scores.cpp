#include "slice_scores.hpp"

#include <cstdint>

#include "slice_class_scores.hpp"
#include "slice_probability_scores.hpp"

namespace canopy::forest {

template <class Code>
std::vector<double> scores_of_classes(SliceProblem const& problem) {
  if (FixedShares::vectors(static_cast<std::size_t>(problem.classes)) == 1)
    return ClassScores<Code, 1>{problem}.all();
  return ClassScores<Code, 0>{problem}.all();
}

template <class Code>
std::vector<double> scores_of_probabilities(SliceProblem const& problem) {
  return ProbabilityScores<Code>{problem}.all();
}

std::size_t least_memory(SliceProblem const& problem) {
  auto const classes = static_cast<std::size_t>(problem.classes);
  auto const checkpoints = problem.checkpoints.size();
  auto const sums = 8 * sizeof(double) * (classes + Lanes::count);
  auto const tallies = problem.scorer.needs == data::Scorer::Needs::class_counts
                           ? 2 * sizeof(std::uint32_t) * classes * checkpoints
                           : sizeof(Lanes) * checkpoints;
  return problem.caps.cells() * (sums + tallies);
}

template std::vector<double> scores_of_classes<std::uint16_t>(SliceProblem const&);
template std::vector<double> scores_of_classes<std::uint32_t>(SliceProblem const&);
template std::vector<double> scores_of_probabilities<std::uint16_t>(SliceProblem const&);
template std::vector<double> scores_of_probabilities<std::uint32_t>(SliceProblem const&);

}  // namespace canopy::forest
