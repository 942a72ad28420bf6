#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "canopy/federate/aggregator.hpp"

namespace canopy::federate {

/// McMahan et al. 2017, "Communication-efficient learning of deep networks from decentralized
/// data", algorithm 1: w += sum of n_k/n * (w_k - w). With a server's rate as in Reddi et al. 2021.
class FedAvg : public Aggregator {
 public:
  FedAvg(AggregatorOptions const& o, Sizes const& sizes) : Aggregator{sizes}, lr_{o.server_lr} {}

  void apply(RoundSum const& round, std::span<float> model) override {
    for (std::size_t i = 0; i < model.size(); ++i)
      model[i] += static_cast<float>(lr_) * round.values[i];
  }

 private:
  double lr_;
};

/// The same algorithm with one step on all rows: the gradient of the whole cohort.
class FedSgd : public FedAvg {
 public:
  using FedAvg::FedAvg;
  bool takes_one_full_step() const override { return true; }
};

/// Hsu, Qi & Brown 2019, "Measuring the effects of non-identical data distribution": v = beta v +
/// delta, w += lr v.
class FedAvgM : public Aggregator {
 public:
  FedAvgM(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, lr_{o.server_lr}, beta_{o.server_momentum}, momentum_(sizes.arena) {}

  void apply(RoundSum const& round, std::span<float> model) override {
    for (std::size_t i = 0; i < model.size(); ++i) {
      momentum_[i] = static_cast<float>(beta_) * momentum_[i] + round.values[i];
      model[i] += static_cast<float>(lr_) * momentum_[i];
    }
  }
  StateArrays kept() override { return {{"momentum", momentum_}}; }

 private:
  double lr_;
  double beta_;
  std::vector<float> momentum_;
};

/// Reddi et al. 2021, "Adaptive federated optimization", algorithm 2:
///   m = beta1 m + (1 - beta1) delta;  v by the rule;  w += lr m / (sqrt v + tau).
class FedOpt : public Aggregator {
 public:
  enum class Rule { adagrad, adam, yogi };
  FedOpt(AggregatorOptions const& o, Sizes const& sizes, Rule rule)
      : Aggregator{sizes},
        options_{o},
        rule_{rule},
        m_(sizes.arena),
        v_(sizes.arena, static_cast<float>(o.tau * o.tau)) {}

  void apply(RoundSum const& round, std::span<float> model) override {
    auto const beta1 = static_cast<float>(rule_ == Rule::adagrad ? 0 : options_.beta1);
    for (std::size_t i = 0; i < model.size(); ++i) {
      auto const delta = round.values[i];
      m_[i] = beta1 * m_[i] + (1 - beta1) * delta;
      v_[i] = second_moment(v_[i], delta * delta);
      model[i] += static_cast<float>(options_.server_lr) * m_[i] /
                  (std::sqrt(v_[i]) + static_cast<float>(options_.tau));
    }
  }
  StateArrays kept() override { return {{"m", m_}, {"v", v_}}; }

 private:
  float second_moment(float v, float square) const {
    auto const rest = static_cast<float>(1 - options_.beta2);
    switch (rule_) {
      case Rule::adagrad:
        return v + square;
      case Rule::adam:
        return static_cast<float>(options_.beta2) * v + rest * square;
      case Rule::yogi:
        return v - rest * square * static_cast<float>((v > square) - (v < square));
    }
    return v;
  }

  AggregatorOptions options_;
  Rule rule_;
  std::vector<float> m_;
  std::vector<float> v_;
};

/// Wang et al. 2020, "Tackling the objective inconsistency problem", equation 7 for local SGD:
/// updates count per step, w += tau_eff * sum of p_k delta_k / tau_k with tau_eff = sum p_k tau_k.
class FedNova : public Aggregator {
 public:
  FedNova(AggregatorOptions const& o, Sizes const& sizes) : Aggregator{sizes}, lr_{o.server_lr} {}

  Upload upload(LocalResult result, double weight, std::span<float const>,
                std::vector<float>&) const override {
    auto const steps = static_cast<float>(std::max<std::int64_t>(result.steps, 1));
    for (auto& x : result.delta) x /= steps;
    return {weight, std::move(result.delta), 0};
  }
  void apply(RoundSum const& round, std::span<float> model) override {
    double steps = 0;
    for (auto const& c : round.contributions)
      steps += c.weight / round.share * static_cast<double>(c.steps);
    for (std::size_t i = 0; i < model.size(); ++i)
      model[i] += static_cast<float>(lr_ * steps) * round.values[i];
  }

 private:
  double lr_;
};

}  // namespace canopy::federate
