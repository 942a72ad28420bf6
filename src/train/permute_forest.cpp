#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "canopy/data/metrics.hpp"
#include "canopy/train/permute_over.hpp"

#include "forest_share.hpp"
#include "share_out.hpp"

namespace canopy::train {
namespace {

/// What travels.
struct PermutationShare {
  ForestShare of;
  std::vector<std::uint16_t> labels;
  std::vector<int> features;
  std::string scoring;
  int repeats = 0;
  std::uint64_t key = 0;

  template <class Archive>
  void fields(Archive& archive) {
    archive(of, labels, features, scoring, repeats, key);
  }
};

/// All features, neighbours apart: those of an image's border or of a one-hot group cost less than
/// others, and all shares are to have some of them.
std::vector<int> order_of(int features) {
  constexpr int apart = 8;
  std::vector<int> order;
  for (int first = 0; first < std::min(apart, features); ++first)
    for (int f = first; f < features; f += apart) order.push_back(f);
  return order;
}

std::span<int const> part(std::vector<int> const& order, RowBlock share) {
  return std::span{order}.subspan(share.first, share.size());
}

/// A feature takes the rows through the trees once for each repeat.
std::size_t least_features(forest::Forest const& forest, std::size_t rows, int repeats) {
  auto const at_once = rows * static_cast<std::size_t>(std::max(1, repeats));
  return least_rows_of_share(forest) / std::max<std::size_t>(1, at_once) + 1;
}

}  // namespace

forest::PermutationImportances permute_over(PredictionPlace const& place,
                                            forest::Forest const& forest,
                                            data::EncodedTable const& table,
                                            std::span<data::RowIndex const> rows,
                                            forest::Permutation const& permutation) {
  std::vector<std::uint16_t> labels;
  for (auto const row : rows) labels.push_back(table.labels()[row]);
  auto const& [scoring, repeats, key] = permutation;
  auto const order = order_of(forest.features());
  Bytes model;
  Sharing sharing;
  sharing.rows = order.size();
  sharing.least = least_features(forest, rows.size(), repeats);
  sharing.pack = [&](RowBlock share) {
    if (model.empty()) model = to_bytes(forest.to_arrays());
    auto const features = part(order, share);
    return to_bytes(PermutationShare{share_of(model, table, rows),
                                     labels,
                                     {features.begin(), features.end()},
                                     scoring,
                                     repeats,
                                     key.value()});
  };
  sharing.here = [&](RowBlock share, StopToken const& stop) {
    return forest::importances_of(part(order, share), forest, {table, rows, labels}, permutation,
                                  stop);
  };
  auto const dealt = share_out(place, sharing);
  Eigen::MatrixXd importances(dealt.rows(), dealt.cols());
  for (std::size_t i = 0; i < order.size(); ++i)
    importances.row(order[i]) = dealt.row(static_cast<Eigen::Index>(i));
  auto const baseline = data::score(scoring, labels, forest.predict_proba(table, rows));
  return forest::summarised(baseline, std::move(importances));
}

Bytes permute_forest(Bytes const& bytes, StopToken const& stop) {
  auto came = from_bytes<PermutationShare>(bytes);
  UnpackedShare const share{std::move(came.of)};
  return result_of(forest::importances_of(came.features, share.forest,
                                          {share.table, share.rows, came.labels},
                                          {came.scoring, came.repeats, Key{came.key}}, stop));
}

}  // namespace canopy::train
