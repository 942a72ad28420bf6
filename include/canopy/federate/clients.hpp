#pragma once

#include <cstdint>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/data/partition.hpp"
#include "canopy/data/samples.hpp"
#include "canopy/federate/local_training.hpp"
#include "canopy/nn/standardisation.hpp"
#include "canopy/train/network/feed.hpp"

namespace canopy::federate {

/// The clients' rows as the clients see them: which ones, with what labels and features. Nothing is
/// kept for a client that does nothing, but for its part of the partition.
class Clients {
 public:
  /// `shape` of a sample as the network takes it; `key` of wrong labels and changed features.
  Clients(data::PartitionOptions const& options, data::Partition partition, train::Feed const& feed,
          nn::Shape shape, nn::Standardisation const& standardisation, Key key);

  int count() const { return partition_.clients(); }
  std::int64_t rows(int client) const { return std::ssize(partition_.rows(client)); }
  data::Partition const& partition() const { return partition_; }

  /// Valid until the next call.
  LocalData data(int client);
  /// Any rows, as the data has them. Likewise.
  LocalData unchanged(std::span<data::RowIndex const> rows);

 private:
  data::PartitionOptions options_;
  data::Partition partition_;
  train::Feed const& feed_;
  nn::Gather gather_;
  std::vector<double> units_;  ///< deviations, by column or channel
  Key key_;
  std::vector<std::uint16_t> labels_;  ///< of the client last asked for
  std::vector<float> copies_;
};

}  // namespace canopy::federate
