#include "calibrate_kernels.hpp"

#include <algorithm>
#include <numeric>

#include "canopy/comm/farm.hpp"
#include "canopy/federate/exact_sum.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/nn/optimizer.hpp"
#include "canopy/train/network/strategy.hpp"
#include "canopy/train/plan/timed_pass.hpp"

namespace canopy::app {
namespace {

constexpr int warm_updates = 2;

double now() {
  static Stopwatch const clock;
  return clock.seconds();
}

std::vector<double> flat(train::PassTimes const& times) {
  std::vector<double> parts{times.input, times.loss};
  for (auto const& layer : times.layers)
    parts.insert(parts.end(), {layer.forward, layer.backward, layer.weights});
  return parts;
}

/// The parts of flat() as rows of the table.
void add_pass(std::vector<Spread> const& parts, std::string const& model, int rows,
              std::vector<KernelTime>& kernels) {
  constexpr std::size_t before_layers = 2;
  constexpr std::array names{"forward", "backward", "weights"};
  for (std::size_t part = 0; part < parts.size(); ++part) {
    auto const is_layer = part >= before_layers;
    auto const number = part - before_layers;
    auto const layer = is_layer ? static_cast<int>(number / names.size()) + 1 : 0;
    std::string const kernel = is_layer    ? names[number % names.size()]
                               : part == 0 ? "input"
                                           : "loss";
    if (kernel == "backward" && layer == 1) continue;  // nobody wants it
    kernels.push_back({kernel, model, layer, static_cast<double>(rows), "rows", parts[part]});
  }
}

nn::TrainingOptions training_by(std::string const& optimizer) {
  nn::TrainingOptions training;
  training.optimizer = optimizer;
  return training;
}

/// The row is the root's: others have no times.
void add(std::vector<KernelTime>& kernels, KernelTime time) {
  if (time.seconds.median > 0) kernels.push_back(std::move(time));
}

}  // namespace

int optimizer_states(nn::Network const& network, std::string const& optimizer) {
  return static_cast<int>(
      nn::make_optimizer(training_by(optimizer), network, {0, 0})->state_names().size());
}

void time_network(KernelClock const& clock, std::string const& model, nn::Network const& network,
                  data::Samples const& samples, CalibrateSettings const& settings,
                  std::vector<KernelTime>& kernels) {
  auto const shape = network.shape(0);
  train::Feed const feed{samples, shape, nn::Standardisation::none(shape)};
  for (auto const rows : settings.rows) {
    train::TimedPass pass{network, feed, rows, now};
    add_pass(clock.time_parts([&] { return flat(pass.run()); }), model, pass.rows(), kernels);
  }
  std::vector<float> weights(network.arena_size());
  std::vector<float> const gradients(network.arena_size(), 1e-6f);
  auto const optimizer =
      nn::make_optimizer(training_by(settings.optimizer), network, {0, network.parameters()});
  nn::StepInfo info{1, 1e-6};
  auto const parameters = static_cast<double>(network.parameters());
  add(kernels, {"update", model, 0, parameters, "parameters", clock.time([&] {
                  optimizer->step({0, network.parameters()}, weights, gradients, info);
                  ++info.number;
                })});
  federate::UpdateSum sum{federate::Reduce::exact, gradients.size()};
  auto const other = sum;
  add(kernels, {"aggregate", model, 0, parameters, "parameters",
                clock.time([&] { sum.add(1e-3, gradients); })});
  add(kernels, {"merge", model, 0, parameters, "parameters", clock.time([&] { sum.add(other); })});
}

Spread time_updates(comm::Communicator const& comm, nn::Network const& network,
                    data::Samples const& samples, int batch, CalibrateSettings const& settings) {
  auto const shape = network.shape(0);
  train::Feed const feed{samples, shape, nn::Standardisation::none(shape)};
  train::ShardPlan const plan{samples.rows(), batch};
  auto const training = training_by(settings.optimizer);
  train::StrategyOptions const options;
  train::Trace trace{false};
  auto const strategy =
      train::strategies().make("data", {comm, network, feed, plan, training, options, trace});
  network.initialise<float>(Key{0}, strategy->arena());
  data::Rows order(static_cast<std::size_t>(samples.rows()));
  std::iota(order.begin(), order.end(), data::RowIndex{0});
  train::Update update{1, 0, order, 1e-6, Key{0}};
  auto const perform = [&](int updates) {
    comm.barrier();
    Stopwatch const clock;
    for (int i = 0; i < updates; ++i, ++update.number) strategy->perform(update);
    return clock.seconds() / updates;
  };
  auto const one = perform(warm_updates);
  auto const updates =
      comm.broadcast(static_cast<int>(std::clamp(settings.window / one, 3.0, 1000.0)));
  std::vector<double> seconds;
  for (int window = 0; window < settings.windows; ++window) seconds.push_back(perform(updates));
  return spread_of(seconds);
}

void time_tree(KernelClock const& clock, SharedData const& data, CalibrateSettings const& settings,
               std::vector<KernelTime>& kernels) {
  auto const table = data.table();
  data::Rows rows(static_cast<std::size_t>(table.rows()));
  std::iota(rows.begin(), rows.end(), data::RowIndex{0});
  int tree = 0;
  auto const seconds = clock.time([&] {
    forest::grow_trees(table, rows, {}, Key{settings.common.seed}, tree, tree + 1);
    ++tree;
  });
  add(kernels, {"tree", "forest", 0, static_cast<double>(rows.size()), "rows", seconds});
}

void time_adds(KernelClock const& clock, std::vector<KernelTime>& kernels) {
  constexpr std::size_t floats = 256 * 1024;
  std::vector<float> to(floats);
  std::vector<float> const from(floats, 1e-6f);
  add(kernels, {"add", "", 0, static_cast<double>(floats * sizeof(float)), "bytes",
                clock.time([&] { nn::add<float>(to, from); })});
}

void time_tasks(comm::Communicator const& comm, std::vector<KernelTime>& kernels) {
  constexpr int tasks = 2000;
  constexpr int parts = 5;
  if (comm.size() == 1) return;
  comm::Farm farm{comm, [](Bytes const& payload, StopToken const&) { return payload; }};
  if (!comm.is_root()) return farm.serve();
  Bytes const payload(200);
  std::vector<double> seconds;
  for (int part = 0, assigned = 0; part < parts; ++part) {
    auto const before = thread_cpu_seconds();
    for (int done = 0; done < tasks / parts;) {
      for (; assigned < (part + 1) * tasks / parts && farm.wants_task(); ++assigned)
        farm.assign(assigned, payload);
      if (farm.wait(1)) ++done;
    }
    seconds.push_back((thread_cpu_seconds() - before) * parts / tasks);
  }
  farm.shut_down();
  farm.dismiss();
  kernels.push_back({"task", "", 0, 1, "tasks", spread_of(seconds)});
}

}  // namespace canopy::app
