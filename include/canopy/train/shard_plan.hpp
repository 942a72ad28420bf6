#pragma once

#include <cstdint>
#include <string>

#include "canopy/core/random.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/nn/network.hpp"

namespace canopy::train {

/// How the rows of an epoch become updates, and the rows of an update micro-batches.
///
/// An epoch is a keyed shuffle of the rows to learn from, cut into global batches; the last one may
/// be smaller, as PyTorch's DataLoader keeps it. A global batch is cut into V virtual shards (see
/// nn::virtual_shards): the gradient is a sum over a tree of V leaves, whoever works them out, so
/// the weights do not depend on the layout. V is that of a full batch in all updates.
class ShardPlan {
 public:
  /// `rows` to learn from, at least 1; the global batch, at least 1.
  ShardPlan(std::int64_t rows, int batch);

  std::int64_t rows() const { return rows_; }
  int batch() const { return batch_; }
  int shards() const { return shards_; }  ///< V
  /// The most rows that a shard has.
  int most_shard_rows() const { return (batch_ + shards_ - 1) / shards_; }
  std::int64_t steps_per_epoch() const { return (rows_ + batch_ - 1) / batch_; }

  /// Rows of update `step`, counted from the start of the epoch.
  int rows_of_step(std::int64_t step) const;
  /// Places in the epoch's order that make up the update, or one of its shards. Shards differ by at
  /// most one row; in a last batch of fewer than V rows some are empty.
  nn::Range places(std::int64_t step) const;
  nn::Range places(std::int64_t step, int shard) const;
  /// Shards of the update that are not empty.
  int filled_shards(std::int64_t step) const;

 private:
  std::int64_t rows_;
  int batch_;
  int shards_;
};

/// The rows in the order of `epoch` (counted from 0).
data::Rows epoch_order(data::Rows rows, Key key, std::int64_t epoch);

/// UserError when there are more data-parallel replicas than virtual shards, with both numbers and
/// the remedy. `option` is what the user gave, such as "-np 8".
void check_replicas(ShardPlan const& plan, int replicas, std::string const& option);

}  // namespace canopy::train
