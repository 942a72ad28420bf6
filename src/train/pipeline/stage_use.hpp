#pragma once

#include <cstdint>

namespace canopy::train {

/// How one stage spent its updates, in seconds of all its micro-batches.
struct StageUse {
  std::int64_t micro_batches = 0;  ///< those that had rows
  double forward = 0;
  double backward = 0;
  double weights = 0;
  double waiting = 0;  ///< for other stages
  std::uint64_t bytes_sent = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(micro_batches, forward, backward, weights, waiting, bytes_sent);
  }
};

}  // namespace canopy::train
