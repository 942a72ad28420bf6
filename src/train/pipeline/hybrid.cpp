#include "pipeline/hybrid.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "canopy/comm/collectives.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/train/pipeline/check.hpp"

#include "pipeline/layer_times.hpp"
#include "pipeline/lost.hpp"
#include "pipeline/report.hpp"
#include "pipeline/shape.hpp"

namespace canopy::train {
namespace {

ActionList list_of(PipelineSchedule const& schedule, comm::Grid const& grid, int micro_batches) {
  auto lists = checked_lists(schedule, grid.shape().stages, micro_batches);
  return std::move(lists[static_cast<std::size_t>(grid.stage())]);
}

/// Those that this rank passes activations to, or sums gradients with, or who wait for it so.
std::vector<comm::Rank> peers_of(comm::Grid const& grid) {
  std::vector<comm::Rank> peers;
  auto const shape = grid.shape();
  for (int stage = 0; stage < shape.stages; ++stage)
    if (stage != grid.stage()) peers.push_back(shape.rank_of(grid.replica(), stage));
  for (int replica = 0; replica < shape.replicas; ++replica)
    if (replica != grid.replica()) peers.push_back(shape.rank_of(replica, grid.stage()));
  return peers;
}

/// Together, as stages without parameters find nothing wrong with an optimizer that others refuse.
std::unique_ptr<ReplicaUpdate> make_update(Assignment const& a, comm::Grid const& grid,
                                           std::vector<LayerBlock> const& blocks,
                                           comm::Pulse& pulse) {
  std::unique_ptr<ReplicaUpdate> update;
  a.comm.together("stages", [&] {
    update = std::make_unique<ReplicaUpdate>(
        grid.replica_group(), a.network, blocks[static_cast<std::size_t>(grid.stage())],
        a.plan.shards(), a.training, a.options.reduction, pulse);
  });
  return update;
}

/// The ranges of an arena that belong to a block of layers.
template <class Use>
void each_range(nn::Network const& network, LayerBlock layers, Use use) {
  use(network.range(layers.first, layers.last));
  use(network.buffer_range(layers.first, layers.last));
}

}  // namespace

std::unique_ptr<Strategy> Hybrid::pipeline(Assignment const& a) {
  return std::make_unique<Hybrid>(a, pipeline_shape(a.options, a.comm.size()));
}

std::unique_ptr<Strategy> Hybrid::hybrid(Assignment const& a) {
  return std::make_unique<Hybrid>(a, hybrid_shape(a.options, a.plan, a.comm.size()));
}

Hybrid::Hybrid(Assignment const& a, comm::GridShape shape)
    : assignment_{a},
      schedule_{pipeline_schedule(a.options.schedule)},
      grid_{a.comm, shape},
      blocks_{agree_on_blocks(a, shape.stages)},
      arena_(a.network.arena_size()),
      pulse_{a.comm, a.options.timeout, peers_of(grid_)},
      watch_{a.comm, pulse_},
      watch_on_stages_{grid_.stage_group(), pulse_},
      update_{make_update(a, grid_, blocks_, pulse_)},
      worker_{a,
              grid_,
              *update_,
              pulse_,
              list_of(schedule_, grid_, update_->block().count()),
              schedule_.in_flight(grid_.stage(), shape.stages, update_->block().count())} {}

void Hybrid::perform(Update const& update) {
  Stopwatch const clock;
  is_collected_ = false;
  pulse_.start();
  update_->begin();
  worker_.perform(update, arena_);
  auto const begin = assignment_.trace.now();
  try {
    update_->finish(arena_, step_info(update, assignment_.plan));
  } catch (comm::LostPeer const& lost) {
    throw lost_rank(grid_, lost, update.number, "the sum of gradients waits for it");
  }
  assignment_.trace.add(Doing::sums, update.number, begin);
  update_seconds_ += clock.seconds();
}

void Hybrid::collect() {
  if (is_collected_) return;
  auto const& network = assignment_.network;
  std::vector<float> mine;
  each_range(network, update_->layers(), [&](nn::Range range) {
    auto const part = std::span{arena_}.subspan(range.begin, range.size());
    mine.insert(mine.end(), part.begin(), part.end());
  });
  auto const of_stages = comm::all_gather(grid_.stage_group(), to_bytes(mine));
  for (std::size_t stage = 0; stage < of_stages.size(); ++stage) {
    auto const values = from_bytes<std::vector<float>>(of_stages[stage]);
    auto next = values.begin();
    each_range(network, blocks_[stage], [&](nn::Range range) {
      std::copy_n(next, range.size(), arena_.begin() + static_cast<std::ptrdiff_t>(range.begin));
      next += static_cast<std::ptrdiff_t>(range.size());
    });
  }
  is_collected_ = true;
}

comm::Leaves Hybrid::counted_shards() const {
  return worker_.is_last() ? update_->block() : comm::Leaves{0, 0};
}

UpdateUse Hybrid::use() const {
  auto const& stage = worker_.use();
  return {stage.micro_batches, update_seconds_, stage.waiting + update_->exposed_seconds(),
          stage.bytes_sent + update_->bytes_sent()};
}

Place Hybrid::place() const {
  Place place;
  place.strategy = assignment_.options.parallel;
  place.role = "stage";
  place.replica = grid_.replica();
  place.stage = grid_.stage();
  place.layers = update_->layers();
  place.first_shard = update_->block().first;
  place.last_shard = update_->block().end;
  place.sums = update_->description();
  place.sum_times = update_->sum_times();
  return place;
}

std::vector<Table> Hybrid::reports() {
  PipelineRank const mine{grid_.stage(), update_->block().count(), worker_.use(), update_seconds_};
  auto const ranks = assignment_.comm.gather(mine);
  if (!assignment_.comm.is_root()) return {};
  return {pipeline_table(assignment_.network, schedule_, blocks_, ranks), update_->report()};
}

}  // namespace canopy::train
