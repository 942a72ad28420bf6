#include "grown_trees.hpp"

#include <algorithm>
#include <numeric>

namespace canopy::tune {

std::vector<forest::Tree> GrownTrees::grow(data::EncodedTable const& table, data::Rows const& rows,
                                           forest::ForestParameters parameters, Key key,
                                           StopToken const& stop) const {
  auto const wanted = parameters.n_estimators;
  if (most_ == 0) return forest::grow_trees(table, rows, parameters, key, 0, wanted, stop);
  parameters.n_estimators = 1;
  auto kept = std::ranges::find_if(
      kept_, [&](Kept const& k) { return k.key == key && k.parameters == parameters; });
  if (kept == kept_.end()) kept = kept_.insert(kept_.begin(), Kept{parameters, key, {}, 0});
  kept_.splice(kept_.begin(), kept_, kept);
  auto& trees = kept->trees;
  auto const first = std::min(wanted, static_cast<int>(trees.size()));
  parameters.n_estimators = wanted;
  auto more = forest::grow_trees(table, rows, parameters, key, first, wanted, stop);
  for (auto& tree : more) {
    kept->nodes += tree.size();
    trees.push_back(std::move(tree));
  }
  std::vector<forest::Tree> result(trees.begin(), trees.begin() + wanted);
  auto all = std::accumulate(kept_.begin(), kept_.end(), std::size_t{0},
                             [](std::size_t sum, Kept const& k) { return sum + k.nodes; });
  for (; all > most_ && !kept_.empty(); kept_.pop_back()) all -= kept_.back().nodes;
  return result;
}

}  // namespace canopy::tune
