#include "pipeline/layer_times.hpp"

#include <algorithm>
#include <numeric>

#include "canopy/core/clock.hpp"
#include "canopy/core/median.hpp"

namespace canopy::train {
namespace {

constexpr int warm_ups = 1;
constexpr int repeats = 5;

/// By layer, one value for each repeat.
using Samples = std::vector<std::vector<double>>;

/// A micro-batch of the data's first rows on its way through a network with fresh weights.
class TimedPass {
 public:
  explicit TimedPass(Assignment const& a)
      : network_{a.network},
        rows_(static_cast<std::size_t>(
            std::min<std::int64_t>(a.plan.most_shard_rows(), a.feed.samples().all_rows()))),
        labels_(rows_.size()),
        arena_(a.network.arena_size()),
        gradients_(a.network.arena_size()),
        pass_{a.network, static_cast<int>(rows_.size())} {
    std::iota(rows_.begin(), rows_.end(), data::RowIndex{0});
    a.feed.inputs(rows_, pass_.input());
    a.feed.labels(rows_, labels_);
    network_.initialise<float>(Key{0}, arena_);
  }

  void run() {
    pass_.begin({static_cast<int>(rows_.size()), rows_, Key{0}, true});
    for (int layer = 0; layer < network_.depth(); ++layer)
      time(forward_, layer, [&] { pass_.forward_layer(layer, arena_); });
    pass_.loss(labels_);
    for (int layer = network_.depth() - 1; layer >= 0; --layer) {
      if (layer > 0) time(backward_, layer, [&] { pass_.backward_input(layer, arena_); });
      time(weights_, layer, [&] { pass_.backward_parameters(layer, arena_, gradients_); });
    }
  }
  void forget() { forward_ = backward_ = weights_ = none(); }

  std::vector<StageTimes> medians() const {
    std::vector<StageTimes> times;
    for (std::size_t layer = 0; layer < forward_.size(); ++layer)
      times.push_back({median(forward_[layer]), layer > 0 ? median(backward_[layer]) : 0.0,
                       median(weights_[layer])});
    return times;
  }

 private:
  Samples none() const { return Samples(static_cast<std::size_t>(network_.depth())); }

  template <class Work>
  static void time(Samples& samples, int layer, Work work) {
    auto const before = thread_cpu_seconds();
    work();
    samples[static_cast<std::size_t>(layer)].push_back(thread_cpu_seconds() - before);
  }

  nn::Network const& network_;
  data::Rows rows_;
  std::vector<std::uint16_t> labels_;
  std::vector<float> arena_;
  std::vector<float> gradients_;
  nn::Pass pass_;
  Samples forward_ = none();
  Samples backward_ = none();
  Samples weights_ = none();
};

}  // namespace

std::vector<StageTimes> time_layers(Assignment const& assignment) {
  TimedPass pass{assignment};
  for (int i = 0; i < warm_ups; ++i) pass.run();
  pass.forget();
  for (int i = 0; i < repeats; ++i) pass.run();
  return pass.medians();
}

std::vector<LayerBlock> agree_on_blocks(Assignment const& assignment, int stages) {
  auto const& comm = assignment.comm;
  std::vector<double> mine(static_cast<std::size_t>(assignment.network.depth()));
  auto blocks = cut_layers(mine, stages);  // throws on every rank, before any of them computes
  if (stages == 1) return blocks;
  std::ranges::transform(time_layers(assignment), mine.begin(), &StageTimes::total);
  auto const of_ranks = comm.gather(mine);
  if (comm.is_root()) {
    std::vector<double> seconds;
    for (std::size_t layer = 0; layer < mine.size(); ++layer) {
      std::vector<double> of_layer;
      for (auto const& of_rank : of_ranks) of_layer.push_back(of_rank[layer]);
      seconds.push_back(median(of_layer));
    }
    blocks = cut_layers(seconds, stages);
  }
  return comm.broadcast(blocks);
}

}  // namespace canopy::train
