#include <string>

#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/train/network/replica_update.hpp"
#include "canopy/train/plan/cost_model.hpp"

namespace canopy::train {
namespace {

using comm::Order;

/// Layers of equal width that take the same time: 1 us a row forward and 1 us for each gradient.
ModelCosts equal_layers(int layers) {
  std::string name = "mlp:";
  for (int i = 1; i < layers; ++i) name += i == 1 ? "64" : "-64";
  ModelCosts costs;
  costs.network =
      std::make_shared<nn::Network const>(nn::architecture(name, nn::Shape{64, 1, 1}, 64));
  costs.layers.assign(static_cast<std::size_t>(layers), {{0, 1e-6}, {0, 1e-6}, {0, 1e-6}});
  costs.update_per_parameter = 1e-9;
  return costs;
}

/// One rank per machine.
Cluster network_of(double latency, double per_byte) {
  Cluster cluster;
  cluster.between = {{latency, per_byte}, {latency, per_byte}};
  cluster.within = cluster.between;
  return cluster;
}

StrategyOptions options_of(std::string parallel, Order order = Order::free) {
  StrategyOptions options;
  options.parallel = std::move(parallel);
  options.reduction.order = order;
  return options;
}

TEST(ModelCosts, CountWholeBlocksOfRows) {
  auto const model = equal_layers(2);
  EXPECT_NEAR(model.pass_seconds(16), 16 * 2 * 3e-6, 1e-15);
  EXPECT_EQ(model.pass_seconds(1), model.pass_seconds(16));
  EXPECT_EQ(model.pass_seconds(17), model.pass_seconds(32));
  EXPECT_EQ(model.parameter_bytes(model.all_layers()), 4.0 * 2 * (64 * 64 + 64));
}

TEST(DataParallel, DividesComputeAndAddsTheSumsThatOutlastIt) {
  auto const model = equal_layers(2);
  ShardPlan const shards{4096, 256};  // 16 shards of 16 rows
  auto const options = options_of("data");
  auto const update = model.update_seconds(model.all_layers());
  auto const pass = model.pass_seconds(16);
  auto const free = network_of(0, 0);
  for (int p = 1; p <= 16; p *= 2) {
    auto const cost = predict_update({model, free, shards, options, p});
    EXPECT_NEAR(cost.seconds, 16.0 / p * pass + update, 1e-12);
    EXPECT_EQ(cost.exposed, 0);
    EXPECT_NEAR(cost.idle, 0, 1e-15);
  }
  // 33 KB are one bucket, which is ready when the backward is over: all of it is exposed.
  auto const slow = network_of(1e-4, 1e-7);
  auto const bytes = model.parameter_bytes(model.all_layers());
  auto const cost = predict_update({model, slow, shards, options, 2});
  EXPECT_NEAR(cost.exposed, 2e-4 + bytes * 1e-7, 1e-12);
  EXPECT_NEAR(cost.seconds, 8 * pass + update + cost.exposed, 1e-12);
  EXPECT_NEAR(cost.seconds, cost.compute + cost.exposed + cost.idle, 1e-15);
}

TEST(DataParallel, HidesBucketsBehindTheBackwardBetweenMachinesOnly) {
  // 2.4 MB a layer: a bucket each.
  ModelCosts model;
  model.network = std::make_shared<nn::Network const>(
      nn::architecture("mlp:768-768", nn::Shape{768, 1, 1}, 768));
  model.layers.assign(3, {{0, 1e-4}, {0, 1e-4}, {0, 1e-4}});
  ShardPlan const shards{4096, 256};
  auto const bytes = model.parameter_bytes({0, 1});
  ASSERT_EQ(cut_buckets(*model.network, model.all_layers()).size(), 3u);
  auto const layer = 16 * 2e-4;                           // backward and weights
  auto const quick = network_of(0, 0.5 * layer / bytes);  // a sum takes half a layer's time
  auto const slow = network_of(0, 2 * layer / bytes);     // or two of them
  auto const options = options_of("data");
  EXPECT_NEAR(predict_update({model, quick, shards, options, 2}).exposed, 0.5 * layer, 1e-9);
  EXPECT_NEAR(predict_update({model, slow, shards, options, 2}).exposed, (1 + 3 * 2 - 3) * layer,
              1e-9);
  auto together = slow;
  together.ranks_per_node = 2;
  EXPECT_NEAR(predict_update({model, together, shards, options, 2}).exposed, 3 * 2 * layer, 1e-9);
}

TEST(DataParallel, CountsWhoWaitsForTheRankWithOneShardMore) {
  auto const model = equal_layers(2);
  ShardPlan const shards{4096, 256};
  auto const cost = predict_update({model, network_of(0, 0), shards, options_of("data"), 3});
  EXPECT_NEAR(cost.idle, (6 - 16.0 / 3) * model.pass_seconds(16), 1e-12);
}

TEST(DataParallel, AddsUpTheTreeOfItsOwnShards) {
  auto const model = equal_layers(2);
  ShardPlan const shards{4096, 256};
  auto cluster = network_of(0, 0);
  cluster.add_per_byte = 1e-9;
  auto const bytes = model.parameter_bytes(model.all_layers());
  auto const with = [&](Order order) {
    return predict_update({model, cluster, shards, options_of("data", order), 1}).seconds;
  };
  // 16 leaves are 15 additions; 8 of them are made as the gradient is computed.
  EXPECT_NEAR(with(Order::tree) - with(Order::free), 7 * bytes * 1e-9, 1e-12);
}

TEST(Pipeline, HasTheBubbleOfTextbooks) {
  auto const model = equal_layers(4);
  ShardPlan const shards{4096, 256};
  for (auto const* schedule : {"gpipe", "1f1b"}) {
    auto options = options_of("pipeline");
    options.schedule = schedule;
    for (int p : {1, 2, 4}) {
      auto const cost = predict_update({model, network_of(0, 0), shards, options, p});
      auto const stage = 16 * 3e-6 * 4 / p;
      EXPECT_NEAR(cost.seconds, (16 + p - 1) * stage + model.update_seconds({0, 4 / p}), 1e-12)
          << schedule << " on " << p;
      EXPECT_NEAR(cost.bubble / ((16 + p - 1) * stage), textbook_bubble(p, 16), 1e-12);
    }
  }
}

TEST(Pipeline, PaysForMessages) {
  auto const model = equal_layers(4);
  ShardPlan const shards{4096, 256};
  auto const options = options_of("pipeline");
  auto const without = predict_update({model, network_of(0, 0), shards, options, 2});
  auto const with = predict_update({model, network_of(1e-3, 1e-8), shards, options, 2});
  auto const message = 1e-3 + 16 * 64 * 4 * 1e-8;
  EXPECT_GE(with.seconds, without.seconds + 2 * message - 1e-12);
  EXPECT_NEAR(with.bubble, without.bubble, 1e-15) << "which is the schedule's";
  EXPECT_NEAR(with.seconds, with.compute + with.exposed + with.idle, 1e-15);
  // A link that all wait for carries 16 messages there and then 16 back.
  auto gpipe = options;
  gpipe.schedule = "gpipe";
  auto const bound = predict_update({model, network_of(1, 0), shards, gpipe, 2}).seconds;
  EXPECT_GE(bound, 32);
  EXPECT_LT(bound, 33);
}

TEST(Hybrid, OfOneStageIsDataParallelAndOfOneReplicaAPipeline) {
  auto const model = equal_layers(4);
  ShardPlan const shards{4096, 256};
  auto const cluster = network_of(1e-4, 1e-8);
  auto hybrid = options_of("hybrid");
  hybrid.stages = 1;
  EXPECT_NEAR(predict_update({model, cluster, shards, hybrid, 4}).seconds,
              predict_update({model, cluster, shards, options_of("data"), 4}).seconds, 1e-12);
  hybrid.stages = 4;
  EXPECT_NEAR(predict_update({model, cluster, shards, hybrid, 4}).seconds,
              predict_update({model, cluster, shards, options_of("pipeline"), 4}).seconds, 1e-12);
}

TEST(ParameterServer, IsBoundByItsServer) {
  auto const model = equal_layers(2);
  ShardPlan const shards{4096, 256};
  auto const cluster = network_of(0, 1e-7);
  auto const bytes = model.parameter_bytes(model.all_layers());
  auto const update = model.update_seconds(model.all_layers());
  auto options = options_of("ps");
  auto const one = predict_update({model, cluster, shards, options, 5});  // 4 workers, 1 server
  EXPECT_NEAR(one.seconds, 4 * model.pass_seconds(16) + 2 * 4 * bytes * 1e-7 + update, 1e-12);
  options.servers = 4;
  auto const four = predict_update({model, cluster, shards, options, 8});
  EXPECT_NEAR(four.seconds, 4 * model.pass_seconds(16) + 2 * bytes * 1e-7 + update / 4, 1e-12);
  EXPECT_NEAR(one.seconds, one.compute + one.exposed + one.idle, 1e-15);
}

TEST(CostModel, KnowsEveryStrategyAndWhatItNeeds) {
  auto const model = equal_layers(4);
  ShardPlan const shards{4096, 256};
  auto const cluster = network_of(1e-4, 1e-8);
  for (auto const& name : strategies().names()) {
    auto const cost = predict_update({model, cluster, shards, options_of(name, Order::tree), 2});
    EXPECT_GT(cost.seconds, 0) << name;
    EXPECT_GT(cost.memory, model.parameter_bytes(model.all_layers())) << name;
    EXPECT_GE(cost.idle, -1e-15) << name;
    EXPECT_GE(cost.exposed, 0) << name;
  }
}

TEST(CostModel, CountsAMeetingWhereRanksMeet) {
  auto model = equal_layers(4);
  ShardPlan const shards{4096, 256};
  auto const cluster = network_of(1e-4, 1e-8);
  for (auto const& name : strategies().names()) {
    model.meeting = 0;
    auto const without = predict_update({model, cluster, shards, options_of(name), 2});
    model.meeting = 0.25;
    auto const with = predict_update({model, cluster, shards, options_of(name), 2});
    EXPECT_NEAR(with.seconds - without.seconds, 0.25, 1e-12) << name;
    EXPECT_NEAR(with.exposed - without.exposed, 0.25, 1e-12) << name;
  }
  EXPECT_LT(predict_alone({model, cluster, shards, options_of("data"), 2}).seconds, 0.25);
}

TEST(CostModel, RefusesWhatALayoutCannotDivide) {
  auto const model = equal_layers(4);
  ShardPlan const shards{4096, 64};  // 4 shards
  auto const cluster = network_of(0, 0);
  auto const refuses = [&](std::string const& parallel, int ranks) {
    EXPECT_THROW(predict_update({model, cluster, shards, options_of(parallel), ranks}), UserError)
        << parallel << " on " << ranks;
  };
  refuses("data", 8);
  refuses("pipeline", 5);
  refuses("hybrid", 3);
  refuses("ps", 1);
  refuses("magic", 2);
}

}  // namespace
}  // namespace canopy::train
