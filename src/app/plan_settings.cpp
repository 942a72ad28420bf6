#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "canopy/app/network_settings.hpp"
#include "canopy/app/plan.hpp"
#include "canopy/train/pipeline/schedule.hpp"

namespace canopy::app {
namespace {

/// The first one of each is the default.
std::map<std::string, std::vector<std::string>> const& layouts_of_commands() {
  static std::map<std::string, std::vector<std::string>> const list{
      {"train", {"data", "pipeline", "hybrid", "ps", "trees"}},
      {"federate", {"flat", "fedn", "tree"}},
      {"tune", {"farm"}}};
  return list;
}

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (auto const& schedule : train::pipeline_schedules()) names.push_back(schedule.name);
  return names;
}

void describe_cluster(PlanSettings& s, Options& o) {
  o.group("Cluster");
  o.row("np", s.np, "processes, one number for each row",
        {"N,... of 1 or more",
         [](auto const& list) { return !list.empty() && std::ranges::min(list) >= 1; }});
  o.row("ranks-per-node", s.ranks_per_node, "processes of each machine; None: as when measured",
        {"None or at least 1", [](auto const& n) { return !n || *n >= 1; }});
  o.row("network-latency", s.network_latency,
        "seconds of a message between machines, for a network that was not measured",
        {"None or at least 0", [](auto const& x) { return !x || *x >= 0; }});
  o.row("network-bandwidth", s.network_bandwidth,
        "its bytes per second, each way; 1 Gb/s carries about 118e6",
        {"None or more than 0", [](auto const& x) { return !x || *x > 0; }});
}

}  // namespace

void PlanSettings::describe(Options& o) {
  o.group("Plan");
  o.positional("CALIBRATION", calibration, "run file of canopy calibrate",
               any<std::string>("FILE.h5"));
  o.row("command", command, "what is planned", one_of({"train", "federate", "tune"}));
  o.row("layout", layout,
        "ways to divide the work: of train data, pipeline, hybrid, ps, trees; of federate flat, "
        "fedn, tree; of tune farm; empty: the first one",
        any<std::vector<std::string>>("NAME,..."));
  o.row("measured", measured,
        "run file of canopy scaling collect: its sizes are predicted too, and compared",
        any<std::string>("FILE.h5"));
  describe_cluster(*this, o);
  o.group("Networks");
  o.row("model", model, "one that was measured", any<std::string>("NAME"));
  o.row("train-rows", train_rows, "rows to learn from", at_least(std::int64_t{1}));
  o.row("batch-size", batch_size, "rows of an update, or of a client's", at_least(1));
  o.row("epochs", epochs, "over all rows", at_least(1));
  o.row("stages", strategy.stages, "of hybrid; None: 2",
        {"None or at least 1", [](auto const& n) { return !n || *n >= 1; }});
  o.row("schedule", strategy.schedule, "of pipeline and hybrid", one_of(schedule_names()));
  o.row("servers", strategy.servers, "of ps", at_least(1));
  o.row("reduction", strategy.reduction.order, "order of sums",
        any<comm::Order>("one of tree, free"));
  o.group("Forests");
  o.row("trees", trees, "of layout trees, on --train-rows rows", at_least(1));
  o.group("Federations");
  o.row("clients", clients, "that train in a round", at_least(1));
  o.row("client-rows", client_rows, "of each of them", at_least(std::int64_t{1}));
  o.row("local-epochs", local_epochs, "over its rows in a round", at_least(1));
  o.row("rounds", rounds, "without evaluations", at_least(std::int64_t{1}));
  o.row("combiners", combiners, "of layout tree", at_least(1));
  o.group("Searches");
  o.row("tasks-of", tasks_of, "run file of canopy tune: its folds, in their order",
        any<std::string>("FILE.h5"));
  o.row("tasks", tasks, "without such a file: so many folds", at_least(1));
  o.row("task-seconds", task_seconds, "of each of them", more_than(0.0));
  common.describe(o);
  o.leave_out("seed");
  o.leave_out("resume");
  o.leave_out("progress");
}

std::vector<std::string> PlanSettings::layouts() const {
  auto const& known = layouts_of_commands().at(command);
  if (layout.empty()) return {known.front()};
  for (auto const& name : layout)
    if (std::ranges::find(known, name) == known.end())
      throw UserError{fmt::format("--layout has {}, which canopy {} has not{}; it has {}", name,
                                  command, text::did_you_mean(name, known),
                                  text::join(known, ", "))};
  return layout;
}

}  // namespace canopy::app
