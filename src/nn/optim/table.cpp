#include <algorithm>
#include <cmath>

#include "canopy/nn/optimizer.hpp"

namespace canopy::nn {
namespace {

float as_float(double x) {
  return static_cast<float>(x);
}

/// torch.optim.SGD with dampening 0:
///   g = gradient + weight_decay p;  b = momentum b + g;  p -= lr (b, or g + momentum b)
class Sgd : public Optimizer {
 public:
  Sgd(Network const& network, Range owned, TrainingOptions const& o)
      : Optimizer{network, owned,
                  o.momentum > 0 ? std::vector<std::string>{"momentum_buffer"}
                                 : std::vector<std::string>{}},
        momentum_{as_float(o.momentum)},
        weight_decay_{as_float(o.weight_decay)},
        nesterov_{o.nesterov} {}

 private:
  void update(Elements const& e, StepInfo const& info) override {
    if (e.first == nullptr)
      run(e, info, [](float g, float&) { return g; });
    else if (nesterov_)
      run(e, info, [m = momentum_](float g, float& b) { return g + m * (b = m * b + g); });
    else
      run(e, info, [m = momentum_](float g, float& b) { return b = m * b + g; });
  }
  /// p -= lr * direction(g, b). The arrays do not overlap, which lets the loop be vectorised.
  template <class Direction>
  void run(Elements const& e, StepInfo const& info, Direction direction) const {
    auto const scale = as_float(info.scale);
    auto const lr = as_float(info.lr);
    auto const decay = weight_decay_;
    auto* __restrict p = e.parameters;
    auto const* __restrict gradient = e.gradients;
    auto* __restrict buffer = e.first;
    float none = 0;
    for (std::size_t i = 0; i < e.count; ++i) {
      auto const g = scale * gradient[i] + decay * p[i];
      p[i] -= lr * direction(g, buffer ? buffer[i] : none);
    }
  }
  float momentum_;
  float weight_decay_;
  bool nesterov_;
};

/// What adam, adamw and lamb share: running means of the gradient and of its square.
class Moments {
 public:
  explicit Moments(TrainingOptions const& o) : beta1_{o.beta1}, beta2_{o.beta2}, eps_{o.eps} {}

  /// Corrections of the bias towards zero at step t (Kingma & Ba 2015, section 3).
  void at_step(std::int64_t number) {
    auto const t = static_cast<double>(number);
    correction1_ = as_float(1 / (1 - std::pow(beta1_, t)));
    correction2_ = as_float(1 / std::sqrt(1 - std::pow(beta2_, t)));
  }
  /// Takes in gradient g; returns corrected m / (sqrt(corrected v) + eps).
  float direction(float g, float& m, float& v) const {
    m += as_float(1 - beta1_) * (g - m);
    v = as_float(beta2_) * v + as_float(1 - beta2_) * g * g;
    return m * correction1_ / (std::sqrt(v) * correction2_ + as_float(eps_));
  }

 private:
  double beta1_;
  double beta2_;
  double eps_;
  float correction1_ = 1;
  float correction2_ = 1;
};

/// torch.optim.Adam (weight decay is part of the gradient) and AdamW (it shrinks the weights).
class Adam : public Optimizer {
 public:
  enum class Decay { in_gradient, decoupled };
  Adam(Network const& network, Range owned, TrainingOptions const& o, Decay decay)
      : Optimizer{network, owned, {"exp_avg", "exp_avg_sq"}},
        moments_{o},
        weight_decay_{o.weight_decay},
        decoupled_{decay == Decay::decoupled} {}

 private:
  void update(Elements const& e, StepInfo const& info) override {
    moments_.at_step(info.number);
    auto const scale = as_float(info.scale);
    auto const lr = as_float(info.lr);
    auto const shrink = as_float(decoupled_ ? 1 - info.lr * weight_decay_ : 1);
    auto const penalty = as_float(decoupled_ ? 0 : weight_decay_);
    auto const moments = moments_;
    auto* __restrict p = e.parameters;
    auto const* __restrict gradient = e.gradients;
    auto* __restrict m = e.first;
    auto* __restrict v = e.second;
    for (std::size_t i = 0; i < e.count; ++i) {
      auto const g = scale * gradient[i] + penalty * p[i];
      p[i] = p[i] * shrink - lr * moments.direction(g, m[i], v[i]);
    }
  }
  Moments moments_;
  double weight_decay_;
  bool decoupled_;
};

double norm(std::size_t count, auto&& value) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto const x = static_cast<double>(value(i));
    sum += x * x;
  }
  return std::sqrt(sum);
}

/// You, Gitman & Ginsburg 2017, "Large batch training of convolutional networks", algorithm 1: each
/// tensor's rate follows from the ratio of its norm to its gradient's. Biases and batch norm take
/// lr as it is, without decay.
class Lars : public Optimizer {
 public:
  Lars(Network const& network, Range owned, TrainingOptions const& o)
      : Optimizer{network, owned, {"momentum_buffer"}}, options_{o} {}
  bool element_wise() const override { return false; }

 private:
  void update(Elements const& e, StepInfo const& info) override {
    auto const decay = e.is_vector ? 0 : options_.weight_decay;
    auto rate = info.lr;
    if (!e.is_vector) {
      auto const size = norm(e.count, [&](std::size_t i) { return e.parameters[i]; });
      auto const slope = info.scale * norm(e.count, [&](std::size_t i) { return e.gradients[i]; });
      if (size > 0 && slope > 0)
        rate *= options_.trust_coefficient * size / (slope + decay * size + options_.eps);
    }
    for (std::size_t i = 0; i < e.count; ++i) {
      auto const g = as_float(info.scale) * e.gradients[i] + as_float(decay) * e.parameters[i];
      e.first[i] = as_float(options_.momentum) * e.first[i] + as_float(rate) * g;
      e.parameters[i] -= e.first[i];
    }
  }
  TrainingOptions options_;
};

/// You et al. 2020, "Large batch optimization for deep learning", algorithm 2, with phi(x) = x:
/// Adam's direction plus decay, each tensor scaled to the ratio of its norm to the direction's.
class Lamb : public Optimizer {
 public:
  Lamb(Network const& network, Range owned, TrainingOptions const& o)
      : Optimizer{network, owned, {"exp_avg", "exp_avg_sq"}},
        moments_{o},
        weight_decay_{o.weight_decay} {
    std::size_t longest = 0;
    for (auto const& tensor : network.tensors()) longest = std::max(longest, tensor.range.size());
    direction_.resize(longest);
  }
  bool element_wise() const override { return false; }

 private:
  void update(Elements const& e, StepInfo const& info) override {
    moments_.at_step(info.number);
    auto const decay = as_float(e.is_vector ? 0 : weight_decay_);
    for (std::size_t i = 0; i < e.count; ++i)
      direction_[i] =
          moments_.direction(as_float(info.scale) * e.gradients[i], e.first[i], e.second[i]) +
          decay * e.parameters[i];
    double ratio = 1;
    if (!e.is_vector) {
      auto const size = norm(e.count, [&](std::size_t i) { return e.parameters[i]; });
      auto const length = norm(e.count, [&](std::size_t i) { return direction_[i]; });
      if (size > 0 && length > 0) ratio = size / length;
    }
    auto const rate = as_float(info.lr * ratio);
    for (std::size_t i = 0; i < e.count; ++i) e.parameters[i] -= rate * direction_[i];
  }
  Moments moments_;
  double weight_decay_;
  std::vector<float> direction_;
};

using Made = std::unique_ptr<Optimizer>;

}  // namespace

Registry<Optimizer, Network const&, Range, TrainingOptions const&> const& optimizers() {
  static Registry<Optimizer, Network const&, Range, TrainingOptions const&> const table{
      {"sgd", "stochastic gradient descent with momentum",
       [](Network const& n, Range r, TrainingOptions const& o) -> Made {
         return std::make_unique<Sgd>(n, r, o);
       }},
      {"adam", "rate by running moments of the gradient (Kingma & Ba)",
       [](Network const& n, Range r, TrainingOptions const& o) -> Made {
         return std::make_unique<Adam>(n, r, o, Adam::Decay::in_gradient);
       }},
      {"adamw", "adam with decoupled weight decay (Loshchilov & Hutter)",
       [](Network const& n, Range r, TrainingOptions const& o) -> Made {
         return std::make_unique<Adam>(n, r, o, Adam::Decay::decoupled);
       }},
      {"lars", "sgd with a rate for each layer, for large batches",
       [](Network const& n, Range r, TrainingOptions const& o) -> Made {
         return std::make_unique<Lars>(n, r, o);
       }},
      {"lamb", "adam with a rate for each layer, for large batches",
       [](Network const& n, Range r, TrainingOptions const& o) -> Made {
         return std::make_unique<Lamb>(n, r, o);
       }},
  };
  return table;
}

}  // namespace canopy::nn
