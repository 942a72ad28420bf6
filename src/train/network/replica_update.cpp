#include "canopy/train/network/replica_update.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "canopy/comm/time_in_turns.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"

namespace canopy::train {
namespace {

constexpr std::size_t least_bucket = 64 * 1024;  // floats

comm::Range as_comm(nn::Range range) {
  return {range.begin, range.size()};
}

std::vector<comm::Range> ranges_of(std::vector<Bucket> const& buckets) {
  std::vector<comm::Range> ranges;
  for (auto const& bucket : buckets) ranges.push_back(as_comm(bucket.range));
  return ranges;
}

/// What an update does with the sums, without the gradients in between.
void add_up(GradientSums& sums, comm::Reduction& reduction, std::vector<Bucket> const& buckets) {
  sums.begin();
  for (auto leaf = sums.block().first; leaf < sums.block().end; ++leaf) {
    sums.place(leaf);
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      sums.merge(leaf, buckets[b].range);
      if (leaf + 1 == sums.block().end) reduction.start(b);
    }
    sums.close(leaf);
  }
  reduction.wait();
}

}  // namespace

std::vector<Bucket> cut_buckets(nn::Network const& network, LayerBlock layers) {
  std::vector<Bucket> buckets;
  auto last = layers.last;
  for (int layer = layers.last - 1; layer >= layers.first; --layer) {
    auto const range = network.range(layer, last);
    if (range.size() == 0 || (range.size() < least_bucket && layer > layers.first)) continue;
    buckets.push_back({range, layer});
    last = layer;
  }
  if (auto const range = network.buffer_range(layers.first, layers.last); range.size() > 0)
    buckets.push_back({range, layers.first});
  return buckets;
}

ReplicaUpdate::ReplicaUpdate(comm::Communicator const& replicas, nn::Network const& network,
                             LayerBlock layers, int shards, nn::TrainingOptions const& training,
                             ReductionOptions const& options, comm::Pulse& pulse)
    : replicas_{replicas.duplicate()},
      pulse_{pulse},
      watch_{replicas_, pulse},
      layers_{layers},
      options_{options},
      sums_{options.order, network.arena_size(),
            comm::leaves_of(shards, replicas.size(), replicas.rank().value)},
      buckets_{cut_buckets(network, layers)},
      fastest_(buckets_.size(), std::numeric_limits<double>::infinity()) {
  for (auto const& bucket : buckets_)
    optimizers_.push_back(nn::make_optimizer(training, network, own_part(bucket)));
  if (options.zero && !optimizers_.empty() && !optimizers_.front()->element_wise())
    throw UserError{fmt::format(
        "--zero divides tensors among ranks, but --optimizer {} needs whole ones; set --zero false "
        "or --optimizer sgd, adam or adamw",
        training.optimizer)};
  comm::ReductionPlan plan;
  plan.collective = options.zero ? comm::Collective::reduce_scatter : comm::Collective::all_reduce;
  plan.order = options.order;
  plan.wire = options.wire;
  plan.leaves = shards;
  plan.sums = sums_.sums();
  plan.buckets = ranges_of(buckets_);
  plan.pulse = &pulse_;
  // Alone there is nothing to choose by measurement.
  auto const reduction = replicas_.size() == 1 ? std::string{"own"} : options.allreduce;
  sum_ = comm::reductions().make(reduction, replicas_, plan);
  if (replicas_.size() > 1) time_sums(reduction, plan);
  if (!options.zero) return;
  gathered_.resize(network.arena_size());
  plan.collective = comm::Collective::all_gather;
  plan.order = comm::Order::free;  // nothing is summed
  plan.wire = comm::Wire::fp32;
  plan.sums = {gathered_};
  gather_ = comm::reductions().make(reduction, replicas_, plan);
}

/// Collective, before the first update: the sums are zeros still, and stay so. `plan` is that of
/// `sum_`.
void ReplicaUpdate::time_sums(std::string const& allreduce, comm::ReductionPlan plan) {
  auto const is_tree = plan.order == comm::Order::tree;
  plan.order = is_tree ? comm::Order::free : comm::Order::tree;
  GradientSums other_sums{plan.order, sums_.sums().front().size(), block()};
  plan.sums = other_sums.sums();
  auto const other = comm::reductions().make(allreduce, replicas_, plan);
  auto const timings = comm::time_in_turns(
      replicas_,
      {[&] { add_up(sums_, *sum_, buckets_); }, [&] { add_up(other_sums, *other, buckets_); }});
  sum_times_ = {timings[is_tree ? 0 : 1].median, timings[is_tree ? 1 : 0].median};
  sent_before_ = sum_->bytes_sent();
}

nn::Range ReplicaUpdate::own_part(Bucket const& bucket) const {
  if (!options_.zero) return bucket.range;
  auto const slice =
      comm::slice_of(as_comm(bucket.range), replicas_.size(), replicas_.rank().value);
  return {slice.first, slice.first + slice.size};
}

void ReplicaUpdate::layer_done(int shard, int layer) {
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    if (buckets_[b].lowest != layer) continue;
    sums_.merge(shard, buckets_[b].range);
    if (shard + 1 < block().end) continue;
    Stopwatch const clock;  // MPI's own collectives wait here
    sum_->start(b);
    exposed_seconds_ += clock.seconds();
  }
  poll();
}

void ReplicaUpdate::skip(int shard) {
  auto const place = sums_.place(shard);
  if (place.put == nn::Put::write)
    for (auto const& bucket : buckets_)
      std::ranges::fill(place.gradients.subspan(bucket.range.begin, bucket.range.size()), 0.0f);
  for (int layer = layers_.last - 1; layer >= layers_.first; --layer) layer_done(shard, layer);
  shard_done(shard);
}

void ReplicaUpdate::poll() {
  pulse_.beat();
  sum_->poll();
}

void ReplicaUpdate::finish(std::span<float> arena, nn::StepInfo const& info) {
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    Stopwatch const clock;
    sum_->wait(b);
    exposed_seconds_ += clock.seconds();
    fastest_[b] = std::min(fastest_[b], sum_->seconds(b));
    auto const part = optimizers_[b]->owned();
    optimizers_[b]->step(part, arena, sums_.sums().front(), info);
    if (!gather_) continue;
    std::copy_n(arena.begin() + static_cast<std::ptrdiff_t>(part.begin), part.size(),
                gathered_.begin() + static_cast<std::ptrdiff_t>(part.begin));
    gather_->start(b);
  }
  if (gather_) gather_parameters(arena);
}

void ReplicaUpdate::gather_parameters(std::span<float> arena) {
  Stopwatch const clock;
  gather_->wait();
  exposed_seconds_ += clock.seconds();
  for (auto const& bucket : buckets_)
    std::copy_n(gathered_.begin() + static_cast<std::ptrdiff_t>(bucket.range.begin),
                bucket.range.size(),
                arena.begin() + static_cast<std::ptrdiff_t>(bucket.range.begin));
}

std::uint64_t ReplicaUpdate::bytes_sent() const {
  return sum_->bytes_sent() - sent_before_ + (gather_ ? gather_->bytes_sent() : 0);
}

std::string ReplicaUpdate::description() const {
  return replicas_.size() == 1 ? "none" : sum_->description();
}

Table ReplicaUpdate::report() const {
  Table table{"buckets"};
  table.column("bucket", Table::Type::integer).column("bytes", Table::Type::integer);
  table.column("seconds", Table::Type::real).column("megabytes_per_second", Table::Type::real);
  auto const ranks = static_cast<double>(replicas_.size());
  for (std::size_t b = 0; ranks > 1 && b < buckets_.size(); ++b) {
    auto const bytes = buckets_[b].range.size() * sizeof(float);
    auto const sent = 2 * (ranks - 1) / ranks * static_cast<double>(bytes);
    table.add({static_cast<std::int64_t>(b + 1), static_cast<std::int64_t>(bytes), fastest_[b],
               sent / std::max(fastest_[b], 1e-9) / 1e6});
  }
  return table;
}

StatePieces ReplicaUpdate::state() const {
  StatePieces pieces;
  if (!options_.zero && !replicas_.is_root()) return pieces;
  for (auto const& optimizer : optimizers_) add_state(pieces, *optimizer);
  return pieces;
}

void ReplicaUpdate::restore(NamedArrays const& whole) {
  for (auto const& optimizer : optimizers_)
    restore_state(*optimizer, whole, sums_.sums().front().size());
}

}  // namespace canopy::train
