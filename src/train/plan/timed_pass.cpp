#include "canopy/train/plan/timed_pass.hpp"

#include <algorithm>
#include <numeric>

namespace canopy::train {

TimedPass::TimedPass(nn::Network const& network, Feed const& feed, int rows, double (*now)())
    : network_{network},
      feed_{feed},
      now_{now},
      rows_(static_cast<std::size_t>(std::min<std::int64_t>(rows, feed.samples().all_rows()))),
      labels_(rows_.size()),
      arena_(network.arena_size()),
      gradients_(network.arena_size()),
      pass_{network, static_cast<int>(rows_.size())} {
  std::iota(rows_.begin(), rows_.end(), data::RowIndex{0});
  feed.labels(rows_, labels_);
  network_.initialise<float>(Key{0}, arena_);
}

template <class Work>
double TimedPass::time(Work work) const {
  auto const before = now_();
  work();
  return now_() - before;
}

PassTimes TimedPass::run() {
  PassTimes times;
  times.layers.assign(static_cast<std::size_t>(network_.depth()), {0, 0, 0});
  times.input = time([&] { feed_.inputs(rows_, pass_.input()); });
  pass_.begin({rows(), rows_, Key{0}, true});
  for (int layer = 0; layer < network_.depth(); ++layer)
    times.layers[static_cast<std::size_t>(layer)].forward =
        time([&] { pass_.forward_layer(layer, arena_); });
  times.loss = time([&] { pass_.loss(labels_); });
  for (int layer = network_.depth() - 1; layer >= 0; --layer) {
    auto& of_layer = times.layers[static_cast<std::size_t>(layer)];
    if (layer > 0) of_layer.backward = time([&] { pass_.backward_input(layer, arena_); });
    of_layer.weights = time([&] { pass_.backward_parameters(layer, arena_, gradients_); });
  }
  return times;
}

}  // namespace canopy::train
