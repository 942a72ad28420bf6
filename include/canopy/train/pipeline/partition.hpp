#pragma once

#include <vector>

namespace canopy::train {

/// Layers [first, last) of a network.
struct LayerBlock {
  int first = 0;
  int last = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(first, last);
  }
  friend bool operator==(LayerBlock, LayerBlock) = default;
};

/// Cuts layers of these times into `stages` contiguous blocks, none empty, so that the slowest
/// block is as quick as can be (dynamic programming over all cuts; of equal ones the first cuts
/// that are earliest). UserError when there are more stages than layers.
std::vector<LayerBlock> cut_layers(std::vector<double> const& seconds, int stages);

}  // namespace canopy::train
