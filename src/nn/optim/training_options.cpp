#include "canopy/nn/training_options.hpp"

#include "canopy/nn/optimizer.hpp"
#include "canopy/nn/schedule.hpp"

namespace canopy::nn {
namespace {

Rule<double> share() {
  return {"at least 0 and less than 1", [](double const& x) { return x >= 0 && x < 1; }};
}

}  // namespace

void TrainingOptions::describe(Options& o) {
  o.group("Training");
  o.row("epochs", epochs, "passes over the training rows", at_least(1));
  o.row("batch-size", batch_size, "rows of a step, over all processes", at_least(1));
  o.row("optimizer", optimizer, "rule of the update", one_of(optimizers().names()));
  o.row("lr", lr, "learning rate", more_than(0.0));
  o.row("momentum", momentum, "of sgd and lars", share());
  o.row("nesterov", nesterov, "look ahead along the momentum, for sgd", any<bool>("true or false"));
  o.row("weight-decay", weight_decay,
        "pull towards 0: L2 penalty for sgd and adam, decoupled for adamw", at_least(0.0));
  o.row("beta1", beta1, "decay of the mean gradient, for adam, adamw and lamb", share());
  o.row("beta2", beta2, "decay of its square", share());
  o.row("eps", eps, "added to its root", more_than(0.0));
  o.row("trust-coefficient", trust_coefficient, "of lars", more_than(0.0));
  o.row("label-smoothing", label_smoothing, "share of the target spread over all classes",
        between(0.0, 1.0));
  o.group("Learning rate");
  o.row("lr-schedule", schedule, "how the learning rate goes on", one_of(schedules().names()));
  o.row("warmup-epochs", warmup_epochs, "epochs of linear rise before it", at_least(0.0));
  o.row("lr-batch", lr_batch,
        "batch that lr is meant for: lr grows with batch-size; 0 takes lr as it is", at_least(0));
  o.row("step-size", step_size, "epochs between drops, for step", more_than(0.0));
  o.row("gamma", gamma, "factor of a drop", more_than(0.0));
  o.row("eta-min", eta_min, "last learning rate, for cosine", at_least(0.0));
  o.row(
      "pct-start", pct_start, "share of the run that rises, for one_cycle",
      Rule<double>{"more than 0 and less than 1", [](double const& x) { return x > 0 && x < 1; }});
  o.row("div-factor", div_factor, "lr over the first one, for one_cycle", at_least(1.0));
  o.row("final-div-factor", final_div_factor, "first learning rate over the last one",
        at_least(1.0));
}

void TrainingOptions::check() const {
  auto copy = *this;
  Options options;
  copy.describe(options);
  for (auto const& row : options.rows()) row.set(row.get());
  if (nesterov && optimizer != "sgd")
    throw UserError{"--nesterov is true but --optimizer is " + optimizer +
                    ": only sgd has it; set --optimizer sgd or --nesterov false"};
  if (nesterov && momentum == 0)
    throw UserError{
        "--nesterov is true but --momentum is 0: it needs one; set --momentum 0.9 or --nesterov "
        "false"};
  if (warmup_epochs >= epochs && warmup_epochs > 0)
    throw UserError{"--warmup-epochs is " + text::shortest(warmup_epochs) + " of --epochs " +
                    std::to_string(epochs) + ", expected less"};
  if (schedule == "one_cycle" && warmup_epochs > 0)
    throw UserError{"--warmup-epochs is " + text::shortest(warmup_epochs) +
                    " but --lr-schedule one_cycle warms up by itself; set --warmup-epochs 0"};
}

}  // namespace canopy::nn
