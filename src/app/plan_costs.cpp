#include "plan_costs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "canopy/federate/round_time.hpp"
#include "canopy/train/plan/cost_model.hpp"
#include "canopy/tune/makespan.hpp"

namespace canopy::app {
namespace {

/// Folds of a search in the order in which they began.
std::vector<double> tasks_of(std::string const& file) {
  auto const run = record::read_without_model(file);
  auto const* tasks = run.table("tasks");
  if (run.command != "tune" || tasks == nullptr || tasks->rows() == 0)
    throw DataError{file +
                    ": is no run of canopy tune with folds; give one to --tasks-of, or say "
                    "--tasks and --task-seconds"};
  std::vector<std::pair<double, double>> by_start;
  for (std::size_t row = 0; row < tasks->rows(); ++row) {
    auto const started = tasks->number(row, "started");
    by_start.emplace_back(started, tasks->number(row, "finished") - started);
  }
  std::ranges::sort(by_start);
  std::vector<double> seconds;
  for (auto const& [started, duration] : by_start) seconds.push_back(duration);
  return seconds;
}

/// What the parts of a federated round take as seconds of a plan.
void add_rounds(PlannedRun& run, federate::RoundTime const& time, double rounds) {
  run.seconds = rounds * time.seconds();
  run.compute = rounds * time.compute;
  run.exposed = rounds * (time.download + time.upload);
  run.idle = run.seconds - run.compute - run.exposed;
}

}  // namespace

Planner::Planner(PlanSettings const& settings, Calibration const& calibration)
    : settings_{settings}, calibration_{calibration} {
  if (settings.tasks_of.empty())
    tasks_.assign(static_cast<std::size_t>(settings.tasks), settings.task_seconds);
  else
    tasks_ = tasks_of(settings.tasks_of);
}

int Planner::ranks_per_node() const {
  return settings_.ranks_per_node.value_or(calibration_.cluster.ranks_per_node);
}

train::Cluster Planner::cluster(int ranks_per_node) const {
  auto cluster = calibration_.cluster;
  cluster.ranks_per_node = ranks_per_node;
  if (settings_.network_bandwidth) {
    train::Line const line{settings_.network_latency.value_or(cluster.between.one_way.fixed),
                           1 / *settings_.network_bandwidth};
    cluster.between = {line, line};
  } else if (settings_.network_latency) {
    cluster.between.one_way.fixed = cluster.between.both_ways.fixed = *settings_.network_latency;
  }
  return cluster;
}

void Planner::check_links(int np, int ranks_per_node) const {
  auto const has_between = calibration_.has_between || settings_.network_bandwidth;
  if (np > ranks_per_node && !has_between)
    throw UserError{fmt::format(
        "{} ranks, {} to a machine, send messages between machines, which were not measured: "
        "calibrate over two machines (mpirun --hostfile), or say --network-bandwidth and "
        "--network-latency",
        np, ranks_per_node)};
  if (std::min(np, ranks_per_node) > 1 && !calibration_.has_within)
    throw UserError{fmt::format(
        "{} ranks, {} to a machine, send messages within machines, which were not measured: "
        "calibrate with two ranks on one (mpirun -np 2), or set --ranks-per-node 1",
        np, ranks_per_node)};
}

PlannedRun Planner::predict(std::string const& layout, int np, int ranks_per_node) const {
  PlannedRun run{layout, np, (np + ranks_per_node - 1) / ranks_per_node};
  if (layout == "farm")
    predict_farm(run);
  else if (layout == "trees")
    predict_trees(run);
  else if (settings_.command == "federate")
    predict_rounds(run, cluster(ranks_per_node));
  else
    predict_network(run, cluster(ranks_per_node));
  if (layout != "farm" && layout != "trees") check_links(np, ranks_per_node);
  return run;
}

void Planner::predict_network(PlannedRun& run, train::Cluster const& cluster) const {
  auto strategy = settings_.strategy;
  strategy.parallel = run.layout;
  train::ShardPlan const shards{settings_.train_rows, settings_.batch_size};
  train::UpdatePlan const plan{calibration_.model(settings_.model), cluster, shards, strategy,
                               run.np};
  // One rank has nobody to serve it: every layout is plain training there.
  auto const cost = run.np == 1 ? train::predict_alone(plan) : train::predict_update(plan);
  auto const updates =
      static_cast<double>(settings_.train_rows) / settings_.batch_size * settings_.epochs;
  run.seconds = updates * cost.seconds;
  run.compute = updates * cost.compute;
  run.exposed = updates * cost.exposed;
  run.idle = updates * cost.idle;
  run.bubble = updates * cost.bubble;
  run.memory = cost.memory;
}

/// Trees are dealt by measured speed, so ranks differ by a tree at most.
void Planner::predict_trees(PlannedRun& run) const {
  if (!calibration_.tree)
    throw UserError{"--layout is trees but no tree was measured; calibrate with --model forest"};
  auto const tree = calibration_.tree->seconds(static_cast<double>(settings_.train_rows));
  auto const most = (settings_.trees + run.np - 1) / run.np;
  run.seconds = most * tree;
  run.compute = static_cast<double>(settings_.trees) / run.np * tree;
  run.idle = run.seconds - run.compute;
}

void Planner::predict_rounds(PlannedRun& run, train::Cluster const& cluster) const {
  auto const& model = calibration_.model(settings_.model);
  auto const parameters = static_cast<double>(model.network->parameters());
  // A batch goes through in shards, as in training; the last one of a client may be smaller.
  auto const batch =
      static_cast<int>(std::min<std::int64_t>(settings_.batch_size, settings_.client_rows));
  train::ShardPlan const shards{settings_.client_rows, batch};
  train::StrategyOptions strategy = settings_.strategy;
  auto const step = train::predict_alone({model, cluster, shards, strategy, 1}).seconds;
  auto const steps = static_cast<double>(settings_.client_rows) / batch * settings_.local_epochs;
  federate::RoundWork work;
  work.clients = settings_.clients;
  work.seconds_per_client =
      steps * step + calibration_.aggregate.at(settings_.model).seconds(parameters);
  work.model_bytes = parameters * sizeof(float);
  work.sum_bytes = parameters * sizeof(std::int64_t);
  work.merge_seconds = calibration_.merge.at(settings_.model).seconds(parameters);
  auto const layout = TextForm<federate::Layout>::parse(run.layout).value();
  auto const roles = federate::make_roles(layout, settings_.combiners, run.np);
  add_rounds(run, federate::predict_round(roles, work, cluster),
             static_cast<double>(settings_.rounds));
}

/// Rank 0 coordinates unless it is alone.
void Planner::predict_farm(PlannedRun& run) const {
  auto const workers = std::max(1, run.np - 1);
  auto const time = tune::makespan(tasks_, workers, calibration_.task_seconds);
  run.seconds = time.seconds;
  run.compute = time.utilisation * time.seconds * workers / run.np;
  run.idle = run.seconds - run.compute;
}

}  // namespace canopy::app
