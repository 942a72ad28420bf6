#include "canopy/forest/slices.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "canopy/core/text.hpp"
#include "canopy/forest/forest.hpp"

#include "grow/problem.hpp"
#include "model/packed_tree.hpp"
#include "slices/node_values.hpp"
#include "slices/slice_caps.hpp"
#include "slices/slice_scores.hpp"

namespace canopy::forest {
namespace {

/// For the sums of a grid. With more rows or cells than that, these are worked on one part after
/// another.
constexpr std::size_t most_memory = std::size_t{1} << 28;

template <class T>
std::string print(T const& value) {
  return TextForm<T>::print(value);
}

[[noreturn]] void refuse(std::string const& why) {
  throw UserError{"the forest cannot be sliced like this: " + why};
}

[[noreturn]] void refuse_looser(std::string const& option, std::string const& asked,
                                std::string const& grown_with) {
  refuse(option + " " + asked + " was asked for but it was grown with " + grown_with +
         ", and what that cut off is not known; ask for a tighter value or grow it with " + option +
         " " + asked);
}

ForestParameters cut(ForestParameters parameters, Slice const& to) {
  parameters.n_estimators = to.n_estimators;
  parameters.max_depth = to.max_depth;
  parameters.min_samples_split = to.min_samples_split;
  parameters.min_impurity_decrease = to.min_impurity_decrease;
  return parameters;
}

void check_sliceable(ForestParameters const& parameters) {
  if (parameters.rng == Rng::sklearn)
    refuse(
        "with --rng sklearn what a node draws depends on all nodes before it, so a tighter cap "
        "grows other trees; grow it with --rng keyed");
  if (parameters.max_leaf_nodes)
    refuse("it was grown best node first up to --max-leaf-nodes " +
           print(*parameters.max_leaf_nodes) +
           ", so a tighter cap leaves room for other nodes; grow it with --max-leaf-nodes None");
}

/// The limits of a slice in numbers of rows and levels. UserError when this forest does not hold
/// it.
Limits limits_of(Forest const& forest, Slice const& slice) {
  auto const& own = forest.parameters();
  auto const parameters = cut(own, slice);
  parameters.check();
  auto const has_share = slice.min_samples_split.is_share() || own.min_samples_split.is_share() ||
                         own.min_samples_leaf.is_share();
  if (has_share && slice.fit_rows == 0)
    refuse(
        "min_samples_split or min_samples_leaf is a share of the rows it was grown on, and their "
        "number is not given; set fit_rows");
  Limits const limits{parameters, slice.fit_rows, forest.features()};
  Limits const grown{own, slice.fit_rows, forest.features()};
  if (std::cmp_greater(slice.n_estimators, forest.trees().size()))
    refuse("--n-estimators " + print(slice.n_estimators) + " was asked for but it has " +
           std::to_string(forest.trees().size()) + "; grow more trees or ask for fewer");
  if (limits.max_depth > grown.max_depth)
    refuse_looser("--max-depth", print(slice.max_depth), print(own.max_depth));
  if (limits.min_samples_split < grown.min_samples_split)
    refuse_looser("--min-samples-split", print(slice.min_samples_split),
                  print(own.min_samples_split));
  if (limits.min_impurity_decrease < grown.min_impurity_decrease)
    refuse_looser("--min-impurity-decrease", print(slice.min_impurity_decrease),
                  print(own.min_impurity_decrease));
  return limits;
}

/// Different values of one parameter of a grid, from tight to loose, and which of them each entry
/// of its list is.
template <class T>
struct Axis {
  std::vector<T> values;
  std::vector<std::uint32_t> place;

  template <class Entries, class Value, class Tighter>
  Axis(char const* name, Entries const& entries, Value value, Tighter tighter) {
    if (entries.empty()) refuse("the list of " + std::string{name} + " is empty; give one or more");
    for (auto const& entry : entries) values.push_back(value(entry));
    auto const asked = values;
    std::ranges::sort(values, tighter);
    auto const rest = std::ranges::unique(values);
    values.erase(rest.begin(), rest.end());
    for (auto const& v : asked)
      place.push_back(static_cast<std::uint32_t>(std::ranges::lower_bound(values, v, tighter) -
                                                 values.begin()));
  }
};

struct Axes {
  Axis<int> trees;
  Axis<std::int32_t> depth;
  Axis<std::uint32_t> split;
  Axis<double> decrease;

  Axes(Forest const& forest, SliceGrid const& grid)
      : trees{"n_estimators", grid.n_estimators,
              [&](int n) {
                auto slice = loosest(forest, grid);
                slice.n_estimators = n;
                limits_of(forest, slice);
                return n;
              },
              std::less{}},
        depth{"max_depth", grid.max_depth,
              [&, deepest = deepest_node(forest, grid)](auto const& cap) {
                auto slice = loosest(forest, grid);
                slice.max_depth = cap;
                return std::min(limits_of(forest, slice).max_depth, deepest);
              },
              std::less{}},
        split{"min_samples_split", grid.min_samples_split,
              [&](Count const& least) {
                auto slice = loosest(forest, grid);
                slice.min_samples_split = least;
                return limits_of(forest, slice).min_samples_split;
              },
              std::greater{}},
        decrease{"min_impurity_decrease", grid.min_impurity_decrease,
                 [&](double least) {
                   auto slice = loosest(forest, grid);
                   slice.min_impurity_decrease = least;
                   limits_of(forest, slice);
                   return least;
                 },
                 std::greater{}} {}

 private:
  /// The whole forest.
  static Slice loosest(Forest const& forest, SliceGrid const& grid) {
    auto const& own = forest.parameters();
    return {static_cast<int>(forest.trees().size()), own.max_depth, own.min_samples_split,
            own.min_impurity_decrease, grid.fit_rows};
  }

  /// From this depth on caps are all alike. The search ends when every cap that was asked for is
  /// seen to cut something off.
  static std::int32_t deepest_node(Forest const& forest, SliceGrid const& grid) {
    std::int32_t deepest_cap = 0;
    for (auto const& cap : grid.max_depth) deepest_cap = std::max(deepest_cap, cap.value_or(0));
    std::int32_t deepest = 0;
    for (auto const& tree : forest.trees())
      for (auto const& node : tree.nodes) {
        if (node.depth > deepest_cap) return std::numeric_limits<std::int32_t>::max();
        deepest = std::max(deepest, node.depth);
      }
    return deepest;
  }
};

void check_rows(Forest const& forest, EncodedTable const& table, std::span<RowIndex const> rows) {
  if (table.labels().empty())
    throw DataError{"the table has no labels to score with; name the label column with --label"};
  if (rows.empty()) throw DataError{"there are no rows to score slices on; give at least one"};
  if (table.features() != forest.features() || table.classes() != forest.classes())
    throw DataError{"the table has " + std::to_string(table.features()) + " features and " +
                    std::to_string(table.classes()) + " classes but the forest was grown on " +
                    std::to_string(forest.features()) + " and " + std::to_string(forest.classes()) +
                    "; give the same columns and classes as in training"};
}

/// The tree without what lies below the caps. Nodes keep their order, so they are numbered as if
/// grown.
Tree cut(Tree const& tree, Caps const& caps) {
  std::vector<std::int32_t> parent_of(tree.size(), -1);  ///< in the new tree; -1: cut off
  Tree result{tree.classes, {}, {}};
  NodeValues const values{tree};
  std::vector<double> left;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (i > 0 && parent_of[i] < 0) continue;
    auto node = tree.nodes[i];
    auto const number = static_cast<std::int32_t>(result.size());
    if (i > 0) {
      auto& parent = result.nodes[static_cast<std::size_t>(parent_of[i])];
      (parent.left < 0 ? parent.left : parent.right) = number;
    }
    if (!node.is_leaf() && is_split(caps, tree, node)) {
      check_order(has_left_next(node, static_cast<std::int32_t>(i)));
      parent_of[i + 1] = parent_of[static_cast<std::size_t>(node.right)] = number;
    } else {
      node.feature = -1;
      node.threshold = 0;
      node.code_threshold = 0;
    }
    node.left = node.right = -1;
    result.nodes.push_back(node);
    std::ranges::copy(values.of(i), std::back_inserter(left));
  }
  result.keep_values(left);
  return result;
}

}  // namespace

SliceScores Forest::slices(EncodedTable const& table, std::span<RowIndex const> rows,
                           SliceGrid const& grid, std::string_view scoring) const {
  check_sliceable(parameters_);
  auto const& scorer = data::scorer(scoring);
  Axes const axes{*this, grid};
  check_rows(*this, table, rows);
  SliceProblem const problem{
      std::span{trees_}.first(static_cast<std::size_t>(axes.trees.values.back())),
      table,
      rows,
      axes.trees.values,
      {axes.depth.values, axes.split.values, axes.decrease.values,
       parameters_.min_impurity_decrease},
      scorer,
      classes(),
      most_memory};
  auto const found = scores_of(problem);
  SliceScores result{grid, {}};
  for (auto const t : axes.trees.place)
    for (auto const d : axes.depth.place)
      for (auto const s : axes.split.place)
        for (auto const i : axes.decrease.place)
          result.scores.push_back(
              found[t * problem.caps.cells() + Reach{d, s, i}.cell(problem.caps)]);
  return result;
}

Forest Forest::slice(Slice const& to) const {
  check_sliceable(parameters_);
  auto const limits = limits_of(*this, to);
  Caps const caps{{limits.max_depth},
                  {limits.min_samples_split},
                  {limits.min_impurity_decrease},
                  parameters_.min_impurity_decrease};
  std::vector<Tree> trees;
  for (int t = 0; t < to.n_estimators; ++t)
    trees.push_back(cut(trees_[static_cast<std::size_t>(t)], caps));
  return Forest{cut(parameters_, to), std::move(trees), class_names_, feature_names_};
}

}  // namespace canopy::forest
