#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include <Eigen/Core>

#include "canopy/comm/farm.hpp"
#include "canopy/core/bytes.hpp"
#include "canopy/core/stop.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/samples.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/nn/model.hpp"

/// Predictions over a farm whose coordinator has the model: rows are dealt, for a row's class
/// probabilities are sums over trees in tree order, which one rank makes as any other would.
namespace canopy::train {

/// Where rows are dealt. On the coordinator.
struct PredictionPlace {
  comm::Farm& farm;
  /// The payload of a task that hands a share to predict_forest or predict_network, and reports
  /// what that gives.
  std::function<Bytes(Bytes const& share)> task;
  /// Asked all the time.
  std::function<bool()> interrupted;
  /// First number of the farm's tasks; one for each rank follows.
  comm::TaskId first_id = 0;
};

/// Rows first .. last-1 of those that are predicted.
struct RowBlock {
  std::size_t first = 0;
  std::size_t last = 0;

  std::size_t size() const { return last - first; }
  friend bool operator==(RowBlock, RowBlock) = default;
};

/// One share for each rank, but fewer when one would have less than `least` rows. All but the last
/// end at a multiple of `grain`.
std::vector<RowBlock> shares_of(std::size_t rows, int ranks, std::size_t least, std::size_t grain);

/// So few rows are not worth the trees' way to another rank: to pack and unpack a node takes as long
/// as six rows take down its tree (results/tuning.md), and copies on the way come on top.
std::size_t least_rows_of_share(forest::Forest const& forest);

/// forest.predict_proba(table, rows), a share of the rows on each rank, the coordinator's too. The
/// same bits on any number of ranks. What a lost worker had goes to another one, and what no worker
/// brings is predicted here. Throws Stopped when `interrupted` says so.
Eigen::MatrixXd predict_over(PredictionPlace const& place, forest::Forest const& forest,
                             data::EncodedTable const& table, std::span<data::RowIndex const> rows);
/// A worker's part: the share brings trees and rows.
Bytes predict_forest(Bytes const& share, StopToken const& stop);

/// The same for a network on samples that every rank has. `alone` has this rank only.
Eigen::MatrixXd predict_over(PredictionPlace const& place, comm::Communicator const& alone,
                             nn::Model const& model, data::Samples const& samples,
                             std::span<data::RowIndex const> rows);
/// A worker's part; collective over the team, the first of which has the result.
Bytes predict_network(Bytes const& share, comm::Communicator const& team,
                      data::Samples const& samples, StopToken const& stop);

}  // namespace canopy::train
