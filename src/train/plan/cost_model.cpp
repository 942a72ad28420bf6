#include "canopy/train/plan/cost_model.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/nn/tree_sum.hpp"
#include "canopy/train/network/replica_update.hpp"

#include "pipeline/shape.hpp"
#include "ps/roles.hpp"

namespace canopy::train {
namespace {

/// Virtual shards of an update among replicas.
struct Shares {
  int most = 1;       ///< of one replica
  double mean = 1;    ///< of all
  int buffers = 1;    ///< arenas for sums of gradients, of the replica with the most shards
  double merges = 0;  ///< additions of a whole gradient to another, there
};

Shares deal_shards(UpdatePlan const& plan, int replicas) {
  auto const shards = plan.shards.shards();
  Shares shares{0, static_cast<double>(shards) / replicas};
  comm::Leaves block;
  for (int replica = 0; replica < replicas; ++replica)
    if (auto const own = comm::leaves_of(shards, replicas, replica); own.count() > shares.most) {
      shares.most = own.count();
      block = own;
    }
  if (plan.options.reduction.order == comm::Order::free) return shares;  // added as it is computed
  for (auto const arrival : comm::arrivals(block))
    shares.merges += arrival.merges > 1 ? static_cast<double>(arrival.merges - 1) : 0;
  nn::TreeSum sums{1, block.first, block.end};
  for (int leaf = block.first; leaf < block.end; ++leaf) {
    sums.place(leaf);
    sums.push(leaf);
  }
  shares.buffers = sums.buffers();
  return shares;
}

double merge_seconds(UpdatePlan const& plan, Shares const& shares, LayerBlock layers) {
  return shares.merges * plan.model.parameter_bytes(layers) * plan.cluster.add_per_byte;
}

/// All ranks hold arenas of the whole network; optimizers have the state of `layers` only.
double memory(UpdatePlan const& plan, Shares const& shares, LayerBlock layers, int in_flight) {
  auto const& model = plan.model;
  return model.parameter_bytes(model.all_layers()) * (1 + shares.buffers) +
         model.parameter_bytes(layers) * model.optimizer_states +
         model.pass_bytes(layers, plan.shards.most_shard_rows()) * in_flight;
}

/// What the sums of these layers' gradients take beyond the last backward.
double exposed_sums(UpdatePlan const& plan, LayerBlock layers, Group group) {
  if (group.ranks == 1) return 0;
  auto const& network = *plan.model.network;
  auto const times = plan.model.layer_seconds(plan.shards.most_shard_rows());
  double backward = 0;
  for (int layer = layers.first; layer < layers.last; ++layer)
    backward += times[static_cast<std::size_t>(layer)].backward +
                times[static_cast<std::size_t>(layer)].weights;
  auto const overlaps = crosses_machines(plan.cluster, group);
  double clock = overlaps ? 0 : backward;
  double end = clock;
  double adds = 0;
  auto layer = layers.last;
  for (auto const& bucket : cut_buckets(network, layers)) {
    for (; overlaps && layer > bucket.lowest; --layer)
      clock += times[static_cast<std::size_t>(layer - 1)].backward +
               times[static_cast<std::size_t>(layer - 1)].weights;
    auto const bytes = static_cast<double>(bucket.range.size() * sizeof(float));
    auto const sum = all_reduce_seconds(plan.cluster, group, bytes, plan.options.reduction.order,
                                        plan.shards.shards());
    end = std::max(clock, end) + sum.wire;
    adds += sum.adds;
  }
  return std::max(0.0, end - backward) + adds;
}

UpdateCost predict_data(UpdatePlan const& plan) {
  check_replicas(plan.shards, plan.ranks, fmt::format("--parallel data on {} ranks", plan.ranks));
  auto const& model = plan.model;
  auto const all = model.all_layers();
  auto const shares = deal_shards(plan, plan.ranks);
  auto const pass = model.pass_seconds(plan.shards.most_shard_rows());
  auto const rest = merge_seconds(plan, shares, all) + model.update_seconds(all);
  UpdateCost cost;
  cost.exposed = exposed_sums(plan, all, {plan.ranks, 1});
  cost.compute = shares.mean * pass + rest;
  cost.seconds = shares.most * pass + rest + cost.exposed;
  cost.idle = (shares.most - shares.mean) * pass;
  cost.memory = memory(plan, shares, all, 1);
  return cost;
}

/// By stage.
std::vector<StageTimes> stage_times(ModelCosts const& model, std::vector<LayerBlock> const& blocks,
                                    int rows) {
  auto const layers = model.layer_seconds(rows);
  std::vector<StageTimes> stages;
  for (auto const [first, last] : blocks) {
    StageTimes sum{0, 0, 0};
    for (auto l = static_cast<std::size_t>(first); l < static_cast<std::size_t>(last); ++l) {
      sum.forward += layers[l].forward;
      sum.backward += layers[l].backward;
      sum.weights += layers[l].weights;
    }
    stages.push_back(sum);
  }
  stages.front().forward += model.input_seconds(rows);
  stages.back().forward += model.loss_seconds(rows);
  return stages;
}

/// Seconds of the largest message between stages.
double transfer_seconds(UpdatePlan const& plan, std::vector<LayerBlock> const& blocks, int rows) {
  auto const stages = static_cast<int>(blocks.size());
  std::size_t most = 0;
  for (int s = 1; s < stages; ++s)
    most = std::max(most,
                    plan.model.network->cut_size(blocks[static_cast<std::size_t>(s)].first, rows));
  auto const per_node = plan.cluster.ranks_per_node;
  auto const stays = plan.ranks <= per_node || per_node % stages == 0;
  auto const& link = stays ? plan.cluster.within : plan.cluster.between;
  return stages == 1 ? 0 : link.one_way.seconds(static_cast<double>(most * sizeof(float)));
}

UpdateCost predict_stages(UpdatePlan const& plan, comm::GridShape shape) {
  auto const& model = plan.model;
  auto const rows = plan.shards.most_shard_rows();
  auto const shares = deal_shards(plan, shape.replicas);
  std::vector<double> layer_totals;
  for (auto const& layer : model.layer_seconds(rows)) layer_totals.push_back(layer.total());
  auto const blocks = cut_layers(layer_totals, shape.stages);
  auto const times = stage_times(model, blocks, rows);
  auto const& schedule = pipeline_schedule(plan.options.schedule);
  auto const lists = checked_lists(schedule, shape.stages, shares.most);
  auto const limits = limits_of(schedule, shape.stages, shares.most);
  auto const played = simulate(lists, limits, times);
  auto const with_messages = simulate(lists, limits, times, transfer_seconds(plan, blocks, rows));
  UpdateCost cost;
  cost.exposed = with_messages.makespan - played.makespan;
  double slowest_rest = 0;
  for (std::size_t s = 0; s < blocks.size(); ++s) {
    auto const exposed = exposed_sums(plan, blocks[s], {shape.replicas, shape.stages});
    auto const rest = merge_seconds(plan, shares, blocks[s]) + model.update_seconds(blocks[s]);
    cost.compute += (shares.mean * times[s].total() + rest) / shape.stages;
    cost.exposed += exposed / shape.stages;
    slowest_rest = std::max(slowest_rest, exposed + rest);
    auto const in_flight = schedule.in_flight(static_cast<int>(s), shape.stages, shares.most);
    cost.memory = std::max(cost.memory, memory(plan, shares, blocks[s], in_flight));
  }
  cost.seconds = with_messages.makespan + slowest_rest;
  cost.bubble = played.idle * played.makespan;
  cost.idle = cost.seconds - cost.compute - cost.exposed;
  return cost;
}

UpdateCost predict_servers(UpdatePlan const& plan) {
  auto const& model = plan.model;
  auto const& cluster = plan.cluster;
  auto const workers = workers_of(plan.options, plan.shards, plan.ranks);
  auto const servers = plan.options.servers;
  auto const all = model.all_layers();
  auto const shares = deal_shards(plan, workers);
  auto const pass = model.pass_seconds(plan.shards.most_shard_rows());
  double sums = 1;  // that a worker sends of each slice
  if (plan.options.reduction.order == comm::Order::tree)
    sums =
        static_cast<double>(comm::subtrees_of_all(plan.shards.shards(), workers).size()) / workers;
  auto const bytes = model.parameter_bytes(all);
  auto const crosses = plan.ranks > cluster.ranks_per_node;
  auto const& line = (crosses ? cluster.between : cluster.within).one_way;
  double const sharing_workers = crosses ? std::min(cluster.ranks_per_node, workers) : 1;
  double const sharing_servers = crosses ? std::min(cluster.ranks_per_node, servers) : 1;
  double const into_one = static_cast<double>(workers) / servers;
  auto const volume = bytes * std::max(sharing_workers, into_one * sharing_servers);
  auto const messages = std::max(workers, servers);
  auto const wire = 2 * messages * line.fixed + (1 + sums) * volume * line.per_unit;
  auto const served = (workers * sums - 1) / servers * bytes * cluster.add_per_byte +
                      model.update_seconds(all) / servers;
  auto const merges = merge_seconds(plan, shares, all);
  double const at_work = static_cast<double>(workers) / plan.ranks;
  UpdateCost cost;
  cost.seconds = shares.most * pass + merges + wire + served;
  cost.compute = at_work * (shares.mean * pass + merges) + (1 - at_work) * served;
  cost.exposed = at_work * (wire + served);
  cost.idle = cost.seconds - cost.compute - cost.exposed;
  cost.memory =
      memory(plan, shares, {0, 0}, 0) + model.pass_bytes(all, plan.shards.most_shard_rows());
  return cost;
}

UpdateCost predict_way(UpdatePlan const& plan) {
  auto const& way = plan.options.parallel;
  if (way == "data") return predict_data(plan);
  if (way == "pipeline") return predict_stages(plan, pipeline_shape(plan.options, plan.ranks));
  if (way == "hybrid")
    return predict_stages(plan, hybrid_shape(plan.options, plan.shards, plan.ranks));
  if (way == "ps") return predict_servers(plan);
  throw UserError{fmt::format("there is no cost model of --parallel {}; known are {}", way,
                              text::join(strategies().names(), ", "))};
}

}  // namespace

UpdateCost predict_update(UpdatePlan const& plan) {
  auto cost = predict_way(plan);
  auto const meeting = plan.ranks > 1 ? plan.model.meeting : 0;
  cost.seconds += meeting;
  cost.exposed += meeting;
  return cost;
}

UpdateCost predict_alone(UpdatePlan const& plan) {
  return predict_data({plan.model, plan.cluster, plan.shards, plan.options, 1});
}

}  // namespace canopy::train
