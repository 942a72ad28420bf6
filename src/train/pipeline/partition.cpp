#include "canopy/train/pipeline/partition.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "canopy/core/error.hpp"

namespace canopy::train {

std::vector<LayerBlock> cut_layers(std::vector<double> const& seconds, int stages) {
  auto const layers = static_cast<int>(seconds.size());
  if (stages > layers)
    throw UserError{fmt::format(
        "--stages is {} but the network has {} layers to divide (activations belong to the layer "
        "before); use at most {} stages",
        stages, layers, layers)};
  std::vector<double> until(seconds.size() + 1, 0);  // of the layers before
  for (std::size_t l = 0; l < seconds.size(); ++l) until[l + 1] = until[l] + seconds[l];
  auto const size = static_cast<std::size_t>(layers) + 1;
  // best[n]: the slowest block when layers 0 .. n-1 are cut into the blocks so far
  std::vector<double> best(size, std::numeric_limits<double>::infinity());
  best[0] = 0;
  std::vector<std::vector<int>> cut(static_cast<std::size_t>(stages), std::vector<int>(size, 0));
  for (int s = 0; s < stages; ++s) {
    std::vector<double> next(size, std::numeric_limits<double>::infinity());
    for (std::size_t n = 1; n < size; ++n)
      for (std::size_t before = 0; before < n; ++before) {
        auto const slowest = std::max(best[before], until[n] - until[before]);
        if (slowest >= next[n]) continue;
        next[n] = slowest;
        cut[static_cast<std::size_t>(s)][n] = static_cast<int>(before);
      }
    best = std::move(next);
  }
  std::vector<LayerBlock> blocks(static_cast<std::size_t>(stages));
  auto last = layers;
  for (auto s = static_cast<std::size_t>(stages); s-- > 0;) {
    blocks[s] = {cut[s][static_cast<std::size_t>(last)], last};
    last = blocks[s].first;
  }
  return blocks;
}

}  // namespace canopy::train
