#pragma once

#include <functional>

namespace canopy::nn {

/// Lets somebody look round while a layer computes, such as for messages: heavy kernels count their
/// products, and about every tenth of a millisecond of them the caller has its turn.
struct Look {
  static constexpr double often = 4e6;  ///< products, of numbers in 64-byte vectors

  void after(double products) {
    since += products;
    if (since < often) return;
    since = 0;
    if (call) call();
  }

  std::function<void()> call;
  double since = 0;  ///< products, since the last turn
};

}  // namespace canopy::nn
