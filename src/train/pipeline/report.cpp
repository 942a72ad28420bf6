#include "pipeline/report.hpp"

#include <algorithm>

#include "canopy/core/text.hpp"
#include "canopy/train/pipeline/check.hpp"

namespace canopy::train {
namespace {

/// What all ranks of a stage, or all ranks, did together.
struct Total {
  StageUse use;
  double update_seconds = 0;

  void add(PipelineRank const& rank) {
    use.micro_batches += rank.use.micro_batches;
    use.forward += rank.use.forward;
    use.backward += rank.use.backward;
    use.weights += rank.use.weights;
    use.waiting += rank.use.waiting;
    update_seconds += rank.update_seconds;
  }
  double idle() const { return update_seconds > 0 ? use.waiting / update_seconds : empty_cell; }
  StageTimes per_micro_batch() const {
    auto const count = static_cast<double>(std::max<std::int64_t>(1, use.micro_batches));
    return {use.forward / count, use.backward / count, use.weights / count};
  }
};

std::string names_of(nn::Network const& network, LayerBlock layers) {
  std::vector<std::string> names;
  for (int layer = layers.first; layer < layers.last; ++layer)
    names.push_back(network.layer_name(layer));
  return text::join(names, "; ");
}

Table columns() {
  using enum Table::Type;
  Table table{"pipeline"};
  table.column("stage", integer).column("schedule", text).column("micro_batches", integer);
  table.column("first_layer", integer).column("last_layer", integer).column("layers", text);
  table.column("forward_seconds", real).column("backward_seconds", real);
  table.column("weights_seconds", real).column("idle_share", real).column("bubble", real);
  table.column("bubble_simulated", real).column("bubble_textbook", real);
  return table;
}

}  // namespace

Table pipeline_table(nn::Network const& network, PipelineSchedule const& schedule,
                     std::vector<LayerBlock> const& blocks,
                     std::vector<PipelineRank> const& ranks) {
  auto const stages = static_cast<int>(blocks.size());
  auto const micro_batches = std::ranges::max(ranks, {}, &PipelineRank::shards).shards;
  std::vector<Total> of_stages(blocks.size());
  Total of_all;
  for (auto const& rank : ranks) {
    of_stages[static_cast<std::size_t>(rank.stage)].add(rank);
    of_all.add(rank);
  }
  std::vector<StageTimes> times;
  for (auto const& stage : of_stages) times.push_back(stage.per_micro_batch());
  auto const simulated = simulate(schedule.make(stages, micro_batches),
                                  limits_of(schedule, stages, micro_batches), times);
  auto table = columns();
  for (int s = 0; s < stages; ++s) {
    auto const at = static_cast<std::size_t>(s);
    table.add({std::int64_t{s}, schedule.name, std::int64_t{micro_batches},
               std::int64_t{blocks[at].first + 1}, std::int64_t{blocks[at].last},
               names_of(network, blocks[at]), times[at].forward, times[at].backward,
               times[at].weights, of_stages[at].idle(), of_all.idle(), simulated.idle,
               textbook_bubble(stages, micro_batches)});
  }
  return table;
}

}  // namespace canopy::train
