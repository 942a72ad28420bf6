#include "slices/slice_scores.hpp"

#include <array>

#include "slices/slice_class_scores.hpp"
#include "slices/slice_probability_scores.hpp"

namespace canopy::forest {
namespace {

template <class Code>
std::vector<double> scores_by_codes(SliceProblem const& problem) {
  if (problem.scorer.needs == data::Scorer::Needs::probabilities)
    return problem.classes <= 8 ? ProbabilityScores<Code, 1>{problem}.all()
                                : ProbabilityScores<Code, 0>{problem}.all();
  if (FixedShares::vectors(static_cast<std::size_t>(problem.classes)) == 1)
    return ClassScores<Code, 1>{problem}.all();
  return ClassScores<Code, 0>{problem}.all();
}

std::vector<double> scores_at_once(SliceProblem const& problem) {
  auto const is_narrow = std::ranges::all_of(problem.trees, [&](Tree const& tree) {
    return PackedTree<std::uint16_t>::fits(tree, problem.table);
  });
  return is_narrow ? scores_by_codes<std::uint16_t>(problem)
                   : scores_by_codes<std::uint32_t>(problem);
}

/// What the least part of the work takes, in bytes.
std::size_t least_memory(SliceProblem const& problem) {
  auto const classes = static_cast<std::size_t>(problem.classes);
  auto const checkpoints = problem.checkpoints.size();
  auto const sums = 2 * sizeof(RowNumbers) * (classes + NodeNumbers::count);
  auto const tallies = problem.scorer.needs == data::Scorer::Needs::class_counts
                           ? sizeof(std::uint32_t) * (2 * classes + 1) * checkpoints
                           : sizeof(RowNumbers) * checkpoints;
  return problem.caps.cells() * (sums + tallies);
}

struct Half {
  Caps caps;
  Reach first;  ///< of its cells, in the whole
};

/// The longest list divided.
std::array<Half, 2> halves(Caps const& caps) {
  auto const divided = [&](auto Caps::*list, std::uint32_t Reach::*axis) {
    std::array<Half, 2> both{Half{caps, {}}, Half{caps, {}}};
    auto const middle = (caps.*list).size() / 2;
    auto& before = both[0].caps.*list;
    auto& after = both[1].caps.*list;
    before.resize(middle);
    after.erase(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(middle));
    both[1].first.*axis = static_cast<std::uint32_t>(middle);
    return both;
  };
  auto const depths = caps.max_depth.size();
  auto const splits = caps.min_samples_split.size();
  auto const decreases = caps.min_impurity_decrease.size();
  if (depths >= std::max(splits, decreases)) return divided(&Caps::max_depth, &Reach::depth);
  if (splits >= decreases) return divided(&Caps::min_samples_split, &Reach::split);
  return divided(&Caps::min_impurity_decrease, &Reach::decrease);
}

}  // namespace

std::vector<double> scores_of(SliceProblem const& problem) {
  auto const cells = problem.caps.cells();
  if (cells == 1 || least_memory(problem) <= problem.most_memory) return scores_at_once(problem);
  std::vector<double> scores(problem.checkpoints.size() * cells);
  for (auto const& [caps, first] : halves(problem.caps)) {
    auto part = problem;
    part.caps = caps;
    auto const found = scores_of(part);
    for (std::size_t c = 0; c < problem.checkpoints.size(); ++c)
      for (std::size_t i = 0; i < caps.cells(); ++i) {
        auto cell = Reach::of_cell(i, caps);
        cell.depth += first.depth;
        cell.split += first.split;
        cell.decrease += first.decrease;
        scores[c * cells + cell.cell(problem.caps)] = found[c * caps.cells() + i];
      }
  }
  return scores;
}

}  // namespace canopy::forest
