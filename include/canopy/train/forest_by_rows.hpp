#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "canopy/comm/communicator.hpp"
#include "canopy/comm/farm.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/data/source.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/sharded.hpp"

/// Forests for data that is larger than one machine: rows stay where they were read.
namespace canopy::train {

/// One rank's block of a data set whose rows lie on all ranks, in rank order.
struct RowBlock {
  data::Dataset train;
  std::optional<data::Dataset> test;  ///< its block of the test set that the data brings along
  std::int64_t rows = 0;              ///< of all ranks, without the test set
};

/// Collective. Canopy's own HDF5 form is read by every rank for itself, its own rows only; of other
/// sources the root reads all and sends each rank its block, so there the root needs the memory.
RowBlock load_rows(comm::Communicator const& comm, data::Source const& source, std::uint64_t seed);

/// A RowBlock as forests want it.
struct RowShard {
  data::Dataset about;                     ///< the names of everything; no rows
  data::EncodedTable table;                ///< coded as the whole data set would be
  std::optional<data::EncodedTable> test;  ///< coded for itself
  std::int64_t rows = 0;
};

/// Collective.
RowShard encode_rows(comm::Communicator const& comm, RowBlock block);

/// Collective. Every rank's rows as EncodedTable::encode would code them among those of all ranks,
/// `rows` of them. What travels is the distinct values of the columns.
data::EncodedTable encode_in_parts(comm::Communicator const& comm, data::Dataset const& mine,
                                   std::int64_t rows);

/// A split of all rows, as this rank sees it.
struct RowSplit {
  data::Rows train;    ///< this rank's rows to learn from
  data::Rows numbers;  ///< each one's place among the training rows of all ranks
  data::Rows test;     ///< this rank's rows to be held out
};

/// Collective. data::stratified_split over the rows of all ranks. The root sees all labels.
RowSplit split_rows(comm::Communicator const& comm, RowShard const& shard, double test_size,
                    Key key);

/// Collective. Tells data sets from each other: equal for equal rows, on any number of ranks.
std::string fingerprint(comm::Communicator const& comm, RowShard const& shard);

/// A forest that grows over rows which stay on their ranks. Its trees are those that grow_trees()
/// grows from all the training rows, for any number of ranks. They go to the root; on the way each
/// rank lets them vote on its own test rows: the test set of the data if it has one, else
/// `split.test`. Everything given must outlive it; all members with "Collective" are so.
class ForestByRows {
 public:
  /// UserError for what forest::check_sharded refuses, and for oob_score, which is not worked out
  /// over shards.
  ForestByRows(comm::Communicator const& comm, RowShard const& shard, RowSplit const& split,
               forest::ForestParameters const& parameters, Key key);

  /// Collective. Goes on from the first trees of the forest, which an earlier session grew; what
  /// other ranks than the root give does not matter.
  void take_over(std::vector<forest::Tree> trees);

  /// Collective. Grows what is missing, batch after batch. `progress` is called after each tree.
  /// Throws as grow_trees_sharded; after Stopped the trees of finished batches are there.
  void grow(std::function<void()> const& progress = {}, StopToken const& stop = {},
            forest::ShardedOptions const& options = {});

  int grown() const { return grown_; }
  /// On the root; elsewhere none are kept.
  std::vector<forest::Tree> const& trees() const { return trees_; }
  std::vector<forest::Tree> take_trees() { return std::move(trees_); }
  /// This rank's test rows x classes: what the forest's predict_proba would give.
  Eigen::MatrixXd test_probabilities() const { return votes_ / grown_; }
  /// Collective. Over the test rows of all ranks.
  data::ConfusionMatrix test_confusion() const;
  forest::ShardedCost const& cost() const { return cost_; }
  /// How this rank spent its time in grow(); a tree is a task that all ranks share.
  comm::RankUse const& use() const { return use_; }

 private:
  void vote(forest::Tree tree);
  data::EncodedTable const& test_table() const { return shard_.test ? *shard_.test : shard_.table; }

  comm::Communicator const& comm_;
  RowShard const& shard_;
  RowSplit const& split_;
  forest::ForestParameters const& parameters_;
  Key key_;
  data::Rows test_rows_;  ///< of test_table()
  Eigen::MatrixXd votes_;
  int grown_ = 0;
  std::vector<forest::Tree> trees_;
  forest::ShardedCost cost_;
  comm::RankUse use_;
};

}  // namespace canopy::train
