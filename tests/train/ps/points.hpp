#pragma once

#include <memory>
#include <numeric>
#include <string>

#include "canopy/core/random.hpp"
#include "canopy/data/samples.hpp"
#include "canopy/nn/architecture.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/train/network/fit.hpp"

namespace canopy::test {

/// Points of three classes in a plane, and a network of few numbers: its messages are so small that
/// they leave whether or not anybody takes them.
struct Points {
  static constexpr int rows = 512;
  static constexpr nn::Shape shape{2, 1, 1};

  Points()
      : samples{data::Samples::pack(make())},
        network{nn::architecture("mlp:8", shape, 3)},
        order(rows),
        feed{samples, shape, nn::Standardisation::none(shape)} {
    std::iota(order.begin(), order.end(), 0u);
    training.batch_size = 128;  // 8 shards
    training.lr = 0.1;
    training.momentum = 0;
    options.parallel = "ps";
  }

  train::Assignment assignment(comm::Communicator const& comm) const {
    return {comm, network, feed, plan, training, options, trace};
  }
  train::Update update(std::int64_t number) const {
    return {number, (number - 1) % plan.steps_per_epoch(), order, training.lr, Key{5}};
  }
  /// The state in which a run begins.
  void initialise(train::Strategy& strategy) const {
    network.initialise<float>(Key{3}, strategy.arena());
  }

  data::Samples samples;
  nn::Network network;
  data::Rows order;
  train::Feed feed;
  train::ShardPlan plan{rows, 128};
  nn::TrainingOptions training;
  train::StrategyOptions options;
  mutable train::Trace trace;

 private:
  static data::Dataset make() {
    data::Dataset set;
    set.name = "points";
    set.feature_names = {"x", "y"};
    set.class_names = {"left", "right", "top"};
    set.features.resize(rows, 2);
    Stream stream{Key{1}.with("points")};
    for (int row = 0; row < rows; ++row) {
      auto const label = row % 3;
      set.labels.push_back(static_cast<std::uint16_t>(label));
      set.features(row, 0) =
          static_cast<float>(2 * (label - 1) * (label < 2) + stream.normal() / 2);
      set.features(row, 1) = static_cast<float>(3 * (label == 2) + stream.normal() / 2);
    }
    return set;
  }
};

}  // namespace canopy::test
