#include "pipeline/layer_times.hpp"

#include <algorithm>

#include "canopy/core/clock.hpp"
#include "canopy/core/median.hpp"
#include "canopy/train/plan/timed_pass.hpp"

namespace canopy::train {
namespace {

constexpr int warm_ups = 1;
constexpr int repeats = 5;

}  // namespace

std::vector<StageTimes> time_layers(Assignment const& a) {
  TimedPass pass{a.network, a.feed, a.plan.most_shard_rows(), thread_cpu_seconds};
  for (int i = 0; i < warm_ups; ++i) pass.run();
  std::vector<std::vector<StageTimes>> runs;
  for (int i = 0; i < repeats; ++i) runs.push_back(pass.run().layers);
  auto const median_of = [&](std::size_t layer, double StageTimes::*part) {
    std::vector<double> values;
    for (auto const& run : runs) values.push_back(run[layer].*part);
    return median(std::move(values));
  };
  std::vector<StageTimes> times;
  for (std::size_t layer = 0; layer < runs.front().size(); ++layer)
    times.push_back({median_of(layer, &StageTimes::forward),
                     median_of(layer, &StageTimes::backward),
                     median_of(layer, &StageTimes::weights)});
  return times;
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
