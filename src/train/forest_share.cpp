#include "forest_share.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

namespace canopy::train {
namespace {

using data::EncodedTable;

/// These rows of a table, without labels.
EncodedTable part_of(EncodedTable const& table, std::span<data::RowIndex const> rows) {
  return EncodedTable::assemble(table, std::ssize(rows), [&](std::size_t b, std::byte* codes) {
    auto const& block = table.blocks()[b];
    auto const width = static_cast<std::size_t>(block.width);
    for (auto const row : rows) {
      std::memcpy(codes, block.data + row * width, width);
      codes += width;
    }
  });
}

EncodedTable kept_alive(std::vector<std::byte> bytes) {
  auto const owner = std::make_shared<std::vector<std::byte> const>(std::move(bytes));
  return EncodedTable::view(*owner, owner);
}

}  // namespace

ForestShare share_of(Bytes const& packed_forest, EncodedTable const& table,
                     std::span<data::RowIndex const> rows) {
  auto const part = part_of(table, rows);
  return {packed_forest, {part.bytes().begin(), part.bytes().end()}};
}

UnpackedShare::UnpackedShare(ForestShare share)
    : forest{forest::Forest::from_arrays(from_bytes<NamedArrays>(share.forest))},
      table{kept_alive(std::move(share.table))},
      rows(static_cast<std::size_t>(table.rows())) {
  std::iota(rows.begin(), rows.end(), data::RowIndex{0});
}

std::size_t nodes_per_tree(forest::Forest const& forest) {
  return forest.nodes() / std::max<std::size_t>(1, forest.trees().size());
}

}  // namespace canopy::train
