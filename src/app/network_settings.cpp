#include "canopy/app/network_settings.hpp"

#include <cmath>

#include <fmt/format.h>

#include "canopy/nn/usual_lr.hpp"
#include "canopy/train/pipeline/schedule.hpp"

namespace canopy::app {
namespace {

std::vector<std::string> names_of(auto const& list) {
  std::vector<std::string> names;
  for (auto const& entry : list) names.push_back(entry.name);
  return names;
}

/// Refuses what has no use with the way that was chosen: its user expects something else.
void check_uses(train::StrategyOptions const& strategy) {
  auto const& parallel = strategy.parallel;
  train::StrategyOptions const usual;
  auto const refuse = [&](std::string const& setting, char const* what) {
    throw UserError{fmt::format("{} but --parallel is {}, {}", setting, parallel, what)};
  };
  if (parallel != "pipeline" && parallel != "hybrid") {
    if (strategy.stages)
      refuse(
          fmt::format("--stages is {}", *strategy.stages),
          "where no rank has a part of the layers; set --parallel hybrid, or leave --stages out");
    if (strategy.schedule != usual.schedule)
      refuse(fmt::format("--schedule is {}", strategy.schedule),
             "which is no pipeline; set --parallel pipeline or hybrid (for the learning rate there "
             "is --lr-schedule)");
  }
  if (parallel != "ps") {
    if (strategy.servers != usual.servers)
      refuse(fmt::format("--servers is {}", strategy.servers),
             "which has none; set --parallel ps, or leave --servers out");
    if (strategy.staleness != usual.staleness)
      refuse(fmt::format("--staleness is {}", strategy.staleness),
             "where all wait for all; set --parallel ps");
    if (strategy.ps_transport != usual.ps_transport)
      refuse(fmt::format("--ps-transport is {}", strategy.ps_transport),
             "which has no servers; set --parallel ps");
  }
}

}  // namespace

nn::TrainingOptions NetworkSettings::training_options() const {
  auto options = training;
  options.lr = lr ? *lr : nn::usual_lr(training.optimizer);
  return options;
}

void NetworkSettings::describe(Options& o) {
  training.describe(o);
  o.leave_out("lr");
  o.group("Training");
  o.row("lr", lr, "learning rate; None: " + nn::usual_lr_text(),
        {"None or more than 0",
         [](auto const& rate) { return !rate || (*rate > 0 && std::isfinite(*rate)); }});
  o.group("Validation and checkpoints of networks");
  o.row("validation-split", validation_split,
        "share of the rows to learn from that is set aside, stratified; the best epoch on them is "
        "kept",
        {"at least 0 and at most 0.9", [](double const& x) { return x >= 0 && x <= 0.9; }});
  o.row("early-stopping", fit.early_stopping,
        "stop when so many epochs in a row were not better on the rows set aside",
        {"None or at least 1", [](auto const& n) { return !n || *n >= 1; }});
  o.row("checkpoint-every", fit.checkpoint_every,
        "epochs between saves that --resume goes on from, on any number of ranks; 0: none",
        at_least(0.0));
  o.group("Parallel networks");
  o.row("parallel", strategy.parallel, "how an update is divided among ranks",
        one_of(names_of(train::strategies().entries())));
  o.row("stages", strategy.stages,
        "blocks of layers, each on a rank of its own, cut by measured time; None: as many as ranks "
        "with pipeline, 2 with hybrid",
        {"None or at least 1", [](auto const& n) { return !n || *n >= 1; }});
  o.row("schedule", strategy.schedule, "how the stages of a pipeline order their work",
        one_of(names_of(train::pipeline_schedules())));
  o.row("reduction", strategy.reduction.order,
        "tree: the same weights on any number of ranks; free: sums in whatever order is fastest",
        any<comm::Order>("one of tree, free"));
  o.row("allreduce", strategy.reduction.allreduce,
        "what sums gradients over ranks; auto measures both at the start",
        one_of(names_of(comm::reductions().entries())));
  o.row("wire-format", strategy.reduction.wire,
        "of gradients on their way; fp16 halves the bytes and rounds at every hop",
        any<comm::Wire>("one of fp32, fp16"));
  o.row("zero", strategy.reduction.zero,
        "each rank keeps the optimizer's state of its slice of the weights only (ZeRO-1)",
        any<bool>("true or false"));
  o.row("servers", strategy.servers, "of ps: so many ranks, the last ones, hold the network",
        at_least(1));
  o.row(
      "staleness", strategy.staleness,
      "of ps: how many updates a worker may be ahead of the slowest; 0 gives the weights of data, "
      "inf lets each go on as it pleases",
      Rule<std::string>{"a number of updates (0, 1, 2, ...) or inf", [](std::string const& word) {
                          auto const number = text::to_int(word);
                          return word == "inf" || (number && *number >= 0);
                        }});
  o.row("ps-transport", strategy.ps_transport,
        "of ps: messages; or rma, one-sided ones, for --staleness inf and sgd without momentum",
        one_of({"messages", "rma"}));
  o.row("trace", trace, "write what all ranks did when, for chrome://tracing or Perfetto",
        any<std::string>("FILE.json"));
}

void NetworkSettings::check() const {
  training_options().check();
  check_uses(strategy);
  if (fit.early_stopping && validation_split == 0)
    throw UserError{fmt::format(
        "--early-stopping is {} but --validation-split is 0: there are no rows to judge epochs by; "
        "set --validation-split 0.1",
        *fit.early_stopping)};
}

}  // namespace canopy::app
