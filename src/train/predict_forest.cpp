#include <algorithm>

#include "canopy/train/predict_over.hpp"

#include "forest_share.hpp"
#include "share_out.hpp"

namespace canopy::train {
namespace {

using data::EncodedTable;

/// Rows between two looks at the token: some tenths of a second, but so many that packing the trees
/// for them does not count.
std::size_t rows_of_piece(forest::Forest const& forest) {
  auto const trees = std::max<std::size_t>(1, forest.trees().size());
  return std::max((std::size_t{1} << 24) / trees, 2 * nodes_per_tree(forest)) + 1;
}

Eigen::MatrixXd predict_in_pieces(forest::Forest const& forest, EncodedTable const& table,
                                  std::span<data::RowIndex const> rows, StopToken const& stop) {
  auto const piece = rows_of_piece(forest);
  throw_if_stopped(stop);
  if (rows.size() <= piece) return forest.predict_proba(table, rows);
  Eigen::MatrixXd all(std::ssize(rows), forest.classes());
  for (std::size_t first = 0; first < rows.size(); first += piece) {
    throw_if_stopped(stop);
    auto const some = rows.subspan(first, std::min(piece, rows.size() - first));
    all.middleRows(static_cast<Eigen::Index>(first), std::ssize(some)) =
        forest.predict_proba(table, some);
  }
  return all;
}

}  // namespace

std::size_t least_rows_of_share(forest::Forest const& forest) {
  constexpr std::size_t rows_for_a_node = 16;
  return rows_for_a_node * nodes_per_tree(forest);
}

Eigen::MatrixXd predict_over(PredictionPlace const& place, forest::Forest const& forest,
                             EncodedTable const& table, std::span<data::RowIndex const> rows) {
  Bytes model;
  Sharing sharing;
  sharing.rows = rows.size();
  sharing.least = least_rows_of_share(forest);
  sharing.pack = [&](RowBlock share) {
    if (model.empty()) model = to_bytes(forest.to_arrays());
    return to_bytes(share_of(model, table, rows.subspan(share.first, share.size())));
  };
  sharing.here = [&](RowBlock share, StopToken const& stop) {
    return predict_in_pieces(forest, table, rows.subspan(share.first, share.size()), stop);
  };
  return share_out(place, sharing);
}

Bytes predict_forest(Bytes const& bytes, StopToken const& stop) {
  UnpackedShare const share{from_bytes<ForestShare>(bytes)};
  return result_of(predict_in_pieces(share.forest, share.table, share.rows, stop));
}

}  // namespace canopy::train
