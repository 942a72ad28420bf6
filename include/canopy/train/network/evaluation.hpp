#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <Eigen/Core>

#include "canopy/comm/communicator.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/pass.hpp"
#include "canopy/train/network/feed.hpp"

namespace canopy::train {

/// Looks at rows with weights as they stand, the rows dealt to all ranks in contiguous blocks. What
/// comes out does not depend on the number of ranks.
class Evaluator {
 public:
  /// Of one forward pass. Blocks of rows that begin at multiples of it can be looked at one by one.
  static constexpr std::size_t piece_rows = 128;

  Evaluator(comm::Communicator const& comm, nn::Network const& network, Feed const& feed);

  /// Collective. The loss summed over the rows and how many were right, on every rank.
  nn::Loss loss(std::span<float const> arena, std::span<data::RowIndex const> rows);
  /// Collective. On the root class probabilities, rows x classes, row-major; elsewhere nothing.
  std::vector<float> probabilities(std::span<float const> arena,
                                   std::span<data::RowIndex const> rows);

 private:
  /// Calls `look` after the forward pass of each piece of this rank's rows, in order.
  template <class Look>
  void pass_through(std::span<float const> arena, std::span<data::RowIndex const> rows, Look look);

  comm::Communicator const& comm_;
  nn::Network const& network_;
  Feed const& feed_;
  nn::Pass pass_;
};

/// Such probabilities as rows x classes.
Eigen::MatrixXd as_table(std::vector<float> const& probabilities, int classes);

}  // namespace canopy::train
