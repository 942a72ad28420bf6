#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "canopy/core/bytes.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/forest.hpp"

namespace canopy::train {

/// A forest and rows without labels, as they travel to a worker.
struct ForestShare {
  Bytes forest;  ///< Forest::to_arrays
  std::vector<std::byte> table;

  template <class Archive>
  void fields(Archive& archive) {
    archive(forest, table);
  }
};

/// These rows of the table for a forest that is packed already.
ForestShare share_of(Bytes const& packed_forest, data::EncodedTable const& table,
                     std::span<data::RowIndex const> rows);

/// What a worker makes of it.
struct UnpackedShare {
  explicit UnpackedShare(ForestShare share);

  forest::Forest forest;
  data::EncodedTable table;
  data::Rows rows;  ///< all of the table's
};

std::size_t nodes_per_tree(forest::Forest const& forest);

}  // namespace canopy::train
