#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "aggregate/averaging.hpp"

namespace canopy::federate {

/// Li et al. 2020, "Federated optimization in heterogeneous networks": clients minimise
/// F_k(w) + mu/2 |w - w_global|^2.
class FedProx : public FedAvg {
 public:
  FedProx(AggregatorOptions const& o, Sizes const& sizes) : FedAvg{o, sizes}, mu_{o.mu} {}
  double proximal() const override { return mu_; }

 private:
  double mu_;
};

/// Karimireddy et al. 2020, "SCAFFOLD", algorithm 1 with option II:
///   g + c - c_k;  c_k+ = c_k - c + (w - w_k) / (steps lr);  c += sum of (c_k+ - c_k) / K.
class Scaffold : public Aggregator {
 public:
  Scaffold(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, lr_{o.server_lr}, variate_(sizes.parameters) {}

  int vectors() const override { return 2; }
  bool has_client_states() const override { return true; }
  std::span<float const> shared() const override { return variate_; }

  std::vector<float> shift(std::span<float const> shared,
                           std::span<float const> state) const override {
    std::vector<float> result(shared.begin(), shared.end());
    for (std::size_t i = 0; i < state.size(); ++i) result[i] -= state[i];
    return result;
  }

  Upload upload(LocalResult result, double weight, std::span<float const> shared,
                std::vector<float>& state) const override {
    state.resize(sizes_.parameters);
    auto const work = static_cast<double>(std::max<std::int64_t>(result.steps, 1)) * result.lr;
    // The sum is weighted by weight, and the variates' is to be by 1 / clients.
    auto const factor = 1 / (sizes_.clients * weight);
    auto& values = result.delta;
    values.resize(2 * sizes_.arena);
    for (std::size_t i = 0; i < sizes_.parameters; ++i) {
      auto const change = -shared[i] - static_cast<float>(values[i] / work);
      values[sizes_.arena + i] = static_cast<float>(factor * change);
      state[i] += change;
    }
    return {weight, std::move(values), 0};
  }

  void apply(RoundSum const& round, std::span<float> model) override {
    for (std::size_t i = 0; i < model.size(); ++i)
      model[i] += static_cast<float>(lr_) * round.values[i];
    auto const arrived =
        static_cast<float>(round.share);  // nobody stands in for those whose update was lost
    for (std::size_t i = 0; i < variate_.size(); ++i)
      variate_[i] += arrived * round.values[sizes_.arena + i];
  }
  StateArrays kept() override { return {{"variate", variate_}}; }

 private:
  double lr_;
  std::vector<float> variate_;
};

/// Acar et al. 2021, "Federated learning based on dynamic regularization", algorithm 1:
///   clients: g - g_k + alpha (w - w_global), g_k -= alpha (w_k - w_global);
///   server:  h -= alpha/K sum (w_k - w_global),  w = mean of w_k - h / alpha.
class FedDyn : public Aggregator {
 public:
  FedDyn(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, alpha_{o.alpha}, h_(sizes.parameters) {}

  double proximal() const override { return alpha_; }
  bool has_client_states() const override { return true; }
  bool weighs_by_rows() const override { return false; }

  std::vector<float> shift(std::span<float const>, std::span<float const> state) const override {
    std::vector<float> result(state.begin(), state.end());
    for (auto& x : result) x = -x;
    return result;
  }
  Upload upload(LocalResult result, double weight, std::span<float const>,
                std::vector<float>& state) const override {
    state.resize(sizes_.parameters);
    for (std::size_t i = 0; i < state.size(); ++i)
      state[i] -= static_cast<float>(alpha_) * result.delta[i];
    return {weight, std::move(result.delta), 0};
  }
  void apply(RoundSum const& round, std::span<float> model) override {
    auto const arrived =
        static_cast<double>(round.contributions.size()) / static_cast<double>(sizes_.clients);
    for (std::size_t i = 0; i < h_.size(); ++i) {
      h_[i] -= static_cast<float>(alpha_ * arrived) * round.values[i];
      model[i] -= h_[i] / static_cast<float>(alpha_);
    }
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += round.values[i];
  }
  StateArrays kept() override { return {{"h", h_}}; }

 private:
  double alpha_;
  std::vector<float> h_;
};

/// Li et al. 2020, "Fair resource allocation in federated learning", q-FedAvg (algorithm 2) with
/// L = 1 / lr:  delta_k = L (w - w_k),  h_k = q F^(q-1) |delta_k|^2 + L F^q,
/// w -= sum of F^q delta_k / sum of h_k.
class QFfl : public Aggregator {
 public:
  QFfl(AggregatorOptions const& o, Sizes const& sizes) : Aggregator{sizes}, q_{o.q} {}

  bool wants_first_loss() const override { return true; }
  bool weighs_by_rows() const override { return false; }

  Upload upload(LocalResult result, double weight, std::span<float const>,
                std::vector<float>&) const override {
    auto const slope = 1 / result.lr;
    auto const loss = result.first_loss + 1e-10;
    double square = 0;
    for (auto const x : result.delta) square += double{x} * x;
    auto const h =
        q_ * std::pow(loss, q_ - 1) * slope * slope * square + slope * std::pow(loss, q_);
    auto const factor = static_cast<float>(slope * std::pow(loss, q_));
    for (auto& x : result.delta) x *= factor;
    return {weight, std::move(result.delta), h};
  }
  void apply(RoundSum const& round, std::span<float> model) override {
    double h = 0;
    for (auto const& c : round.contributions) h += c.weight / round.share * c.number;
    if (h == 0) return;
    for (std::size_t i = 0; i < model.size(); ++i)
      model[i] += static_cast<float>(round.values[i] / h);
  }

 private:
  double q_;
};

}  // namespace canopy::federate
