#pragma once

#include <cstdint>
#include <list>
#include <utility>
#include <vector>

#include "canopy/forest/forest.hpp"

namespace canopy::tune {

/// Trees that were grown here a while ago. A scheduler that asks for more trees of the same forest
/// gets those that are there and the missing ones; a tree depends on its number only, so the forest
/// is the same as one that is grown at once, wherever its first trees have stayed.
class GrownTrees {
 public:
  /// Trees 0 .. n_estimators-1.
  std::vector<forest::Tree> grow(data::EncodedTable const& table, data::Rows const& rows,
                                 forest::ForestParameters parameters, Key key,
                                 StopToken const& stop) const;
  /// From now on keeps trees, up to so many nodes in all.
  void keep(std::size_t nodes) { most_ = nodes; }

 private:
  struct Kept {
    forest::ForestParameters parameters;  ///< but for n_estimators
    Key key;
    std::vector<forest::Tree> trees;
    std::size_t nodes;
  };

  std::size_t most_ = 0;
  mutable std::list<Kept> kept_;  ///< the last one used first
};

}  // namespace canopy::tune
