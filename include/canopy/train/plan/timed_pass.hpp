#pragma once

#include <vector>

#include "canopy/nn/pass.hpp"
#include "canopy/train/network/feed.hpp"
#include "canopy/train/pipeline/check.hpp"

namespace canopy::train {

/// Seconds of one micro-batch.
struct PassTimes {
  double input = 0;                ///< fetching its rows
  std::vector<StageTimes> layers;  ///< no backward of the first one
  double loss = 0;
};

/// A micro-batch of the data's first rows on its way through a network with fresh weights, timed
/// layer by layer.
class TimedPass {
 public:
  /// Time as `now` tells it: thread_cpu_seconds, or a clock. Network and feed outlive this.
  TimedPass(nn::Network const& network, Feed const& feed, int rows, double (*now)());

  int rows() const { return static_cast<int>(rows_.size()); }  ///< no more than the data has
  /// Forward, loss and backward.
  PassTimes run();

 private:
  template <class Work>
  double time(Work work) const;

  nn::Network const& network_;
  Feed const& feed_;
  double (*now_)();
  data::Rows rows_;
  std::vector<std::uint16_t> labels_;
  std::vector<float> arena_;
  std::vector<float> gradients_;
  nn::Pass pass_;
};

}  // namespace canopy::train
