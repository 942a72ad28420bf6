#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "canopy/federate/aggregator.hpp"

namespace canopy::federate {

/// What asynchronous rules share.
class Asynchronous : public Aggregator {
 public:
  Asynchronous(AggregatorOptions const& o, Sizes const& sizes) : Aggregator{sizes}, options_{o} {}
  bool is_asynchronous() const override { return true; }
  bool weighs_by_rows() const override { return false; }
  void apply(RoundSum const&, std::span<float>) override {}

 protected:
  double weight_at(std::int64_t staleness) const {
    auto const late = static_cast<double>(staleness);
    switch (options_.staleness_weight) {
      case StalenessWeight::constant:
        return 1;
      case StalenessWeight::hinge:
        return late <= options_.staleness_b
                   ? 1
                   : 1 / (options_.staleness_a * (late - options_.staleness_b) + 1);
      case StalenessWeight::polynomial:
        return std::pow(late + 1, -options_.staleness_a);
    }
    return 1;
  }
  AggregatorOptions options_;
};

/// Xie, Koyejo & Gupta 2019, "Asynchronous federated optimization", algorithm 1:
/// w = (1 - a) w + a w_k with a = mixing * s(staleness).
class FedAsync : public Asynchronous {
 public:
  using Asynchronous::Asynchronous;

  bool arrive(Arrival const& arrival, std::span<float> model) override {
    auto const a = static_cast<float>(options_.mixing * weight_at(arrival.staleness));
    for (std::size_t i = 0; i < model.size(); ++i)
      model[i] += a * (arrival.base[i] + arrival.delta[i] - model[i]);
    return true;
  }
};

/// Nguyen et al. 2022, "Federated learning with buffered asynchronous aggregation", algorithm 1:
/// w += lr / K * sum of s(staleness) delta over K updates.
class FedBuff : public Asynchronous {
 public:
  FedBuff(AggregatorOptions const& o, Sizes const& sizes)
      : Asynchronous{o, sizes}, buffer_(sizes.arena) {}

  bool arrive(Arrival const& arrival, std::span<float> model) override {
    auto const weight = static_cast<float>(weight_at(arrival.staleness));
    for (std::size_t i = 0; i < buffer_.size(); ++i) buffer_[i] += weight * arrival.delta[i];
    if (++held_[0] < static_cast<float>(options_.buffer_size)) return false;
    auto const step = static_cast<float>(options_.server_lr / options_.buffer_size);
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += step * buffer_[i];
    std::ranges::fill(buffer_, 0.0f);
    held_[0] = 0;
    return true;
  }
  StateArrays kept() override { return {{"buffer", buffer_}, {"held", held_}}; }

 private:
  std::vector<float> buffer_;
  std::vector<float> held_{0};  ///< how many updates are in it
};

}  // namespace canopy::federate
