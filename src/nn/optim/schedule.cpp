#include "canopy/nn/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace canopy::nn {
namespace {

/// From a at share 0 to b at share 1, along half a cosine.
double cosine(double a, double b, double share) {
  return b + (a - b) * (1 + std::cos(std::numbers::pi * share)) / 2;
}

class Constant : public Schedule {
 public:
  double factor(Progress) const override { return 1; }
};

class StepLR : public Schedule {
 public:
  explicit StepLR(TrainingOptions const& o) : step_size_{o.step_size}, gamma_{o.gamma} {}
  double factor(Progress p) const override {
    // A step that falls on a drop is behind it, whatever the rounding of the quotient.
    return std::pow(gamma_, std::floor(p.step / p.per_epoch / step_size_ + 1e-9));
  }

 private:
  double step_size_;
  double gamma_;
};

class CosineAnnealing : public Schedule {
 public:
  explicit CosineAnnealing(TrainingOptions const& o) : last_{o.eta_min / o.lr} {}
  double factor(Progress p) const override {
    return cosine(1, last_, std::min(1.0, p.step / p.steps));
  }

 private:
  double last_;
};

/// Smith & Topin 2018, with two phases. The momentum is left alone.
class OneCycle : public Schedule {
 public:
  explicit OneCycle(TrainingOptions const& o)
      : rise_{o.pct_start}, first_{1 / o.div_factor}, last_{first_ / o.final_div_factor} {}
  double factor(Progress p) const override {
    auto const top = rise_ * p.steps - 1;
    auto const end = p.steps - 1;
    if (p.step <= top) return cosine(first_, 1, top > 0 ? p.step / top : 1);
    return cosine(1, last_, std::min(1.0, (p.step - top) / (end - top)));
  }

 private:
  double rise_;
  double first_;
  double last_;
};

template <class T>
std::unique_ptr<Schedule> make(TrainingOptions const& options) {
  if constexpr (std::is_default_constructible_v<T>)
    return std::make_unique<T>();
  else
    return std::make_unique<T>(options);
}

}  // namespace

Registry<Schedule, TrainingOptions const&> const& schedules() {
  static Registry<Schedule, TrainingOptions const&> const table{
      {"constant", "lr all the time", make<Constant>},
      {"step", "lr times gamma every step-size epochs", make<StepLR>},
      {"cosine", "half a cosine from lr down to eta-min", make<CosineAnnealing>},
      {"one_cycle", "up from lr/div-factor to lr and down to almost nothing", make<OneCycle>},
  };
  return table;
}

LearningRate::LearningRate(TrainingOptions const& options, std::int64_t steps_per_epoch)
    : options_{options},
      steps_per_epoch_{steps_per_epoch},
      schedule_{schedules().make(options.schedule, options)} {}

double LearningRate::at(std::int64_t step) const {
  auto const per_epoch = static_cast<double>(steps_per_epoch_);
  auto lr = options_.lr;
  if (options_.lr_batch > 0) lr *= static_cast<double>(options_.batch_size) / options_.lr_batch;
  auto const warmup = options_.warmup_epochs * per_epoch;
  if (static_cast<double>(step) + 1 < warmup) lr *= static_cast<double>(step + 1) / warmup;
  return lr *
         schedule_->factor({static_cast<double>(step), options_.epochs * per_epoch, per_epoch});
}

}  // namespace canopy::nn
