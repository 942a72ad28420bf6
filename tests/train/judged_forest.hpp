#pragma once

#include <numeric>

#include "canopy/comm/farm.hpp"
#include "canopy/train/predict_over.hpp"

#include "forest/tables.hpp"

namespace canopy::test {

/// A forest whose leaves have rows of several classes, so that sums of their shares have roundings,
/// and rows enough for eight shares.
struct JudgedForest {
  data::Dataset set = forest::test::mixed(2400, 3, 1);
  data::EncodedTable table = data::EncodedTable::encode(set);
  forest::Forest forest = forest::test::grow(
      set, forest::test::parameters({{"n-estimators", "9"}, {"max-depth", "3"}}));
  data::Rows rows = backwards();

  data::Rows backwards() const {
    auto const all = forest::test::all_rows(table);
    return {all.rbegin(), all.rend()};
  }
  Eigen::MatrixXd expected() const { return forest.predict_proba(table, rows); }
  Eigen::MatrixXd predict(comm::Farm& farm, comm::TaskId first_id = 0) const {
    return train::predict_over(
        {farm, [](Bytes const& share) { return share; }, [] { return false; }, first_id}, forest,
        table, rows);
  }
};

}  // namespace canopy::test
