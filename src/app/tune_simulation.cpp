#include "canopy/app/tune_simulation.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "canopy/comm/environment.hpp"
#include "canopy/core/median.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/report/text_table.hpp"
#include "canopy/tune/replay.hpp"

#include "run_parts.hpp"

namespace canopy::app {

void SimulationSettings::describe(Options& o) {
  o.group("Simulation");
  o.row("simulate", simulate,
        "look folds up in this finished run of --search grid, on a virtual clock",
        any<std::string>("FILE.h5"));
  o.row("ranks", ranks, "of the simulated cluster, rank 0 coordinating",
        {"1, 2, ... as a list",
         [](auto const& list) { return !list.empty() && std::ranges::min(list) >= 1; }});
  o.row("seeds", seeds, "simulated searches, from --seed on", at_least(1));
  o.row("per-result", per_result, "seconds that rank 0 takes for each result", at_least(0.0));
}

namespace {

class Simulation {
 public:
  Simulation(tune::SearchSettings search, tune::ReplayTable const& table, double per_result)
      : search_{std::move(search)}, table_{table}, per_result_{per_result} {
    using Type = Table::Type;
    for (auto const* name : {"ranks", "seed", "trials", "folds"}) runs_.column(name, Type::integer);
    for (auto const* name : {"seconds", "utilisation", "speed_up", "best", "regret", "near"})
      runs_.column(name, Type::real);
    for (auto const* name : {"ranks", "seed", "evaluation", "trial"})
      regret_.column(name, Type::integer);
    for (auto const* name : {"seconds", "best", "regret"}) regret_.column(name, Type::real);
  }

  void run(int ranks, std::uint64_t seed) {
    auto const found = replay_at(ranks, seed);
    auto const alone = ranks == 1 ? found : replay_at(1, seed);
    auto const number = static_cast<std::int64_t>(seed);
    std::int64_t evaluation = 0;
    double near = empty_cell;
    for (auto const& step : found.steps) {
      ++evaluation;
      auto const regret = table_.best() - step.best;
      regret_.add({std::int64_t{ranks}, number, evaluation, std::int64_t{step.trial}, step.seconds,
                   step.best, regret});
      if (std::isnan(near) && regret <= near_enough) near = static_cast<double>(evaluation);
    }
    auto const best = found.steps.empty() ? empty_cell : found.steps.back().best;
    runs_.add({std::int64_t{ranks}, number, std::ssize(found.steps), std::int64_t{found.folds},
               found.seconds, found.utilisation, alone.seconds / found.seconds, best,
               table_.best() - best, near});
  }

  /// Medians over seeds, by ranks.
  Table summary(std::vector<int> const& ranks) const {
    Table table{"summary"};
    for (auto const* name : {"ranks", "seconds", "speed-up", "utilisation", "regret", "near"})
      table.column(name, Table::Type::text);
    for (auto const n : ranks) {
      auto const of = [&](char const* column) { return median(values(n, column)); };
      // Never near is more than any number.
      auto near = values(n, "near");
      for (auto& value : near) value = std::isnan(value) ? INFINITY : value;
      auto const trials = median(near);
      table.add({std::to_string(n), fmt::format("{:.1f}", of("seconds")),
                 fmt::format("{:.2f}", of("speed_up")),
                 fmt::format("{:.1f} %", 100 * of("utilisation")),
                 fmt::format("{:.4f}", of("regret")),
                 std::isinf(trials) ? "never" : fmt::format("{:.1f}", trials)});
    }
    return table;
  }

  std::vector<Table> tables() const { return {runs_, regret_}; }

  static constexpr double near_enough = 0.001;

 private:
  tune::Replay replay_at(int ranks, std::uint64_t seed) const {
    return tune::replay({search_, table_, seed}, table_, ranks, per_result_);
  }

  std::vector<double> values(int ranks, char const* column) const {
    std::vector<double> found;
    for (std::size_t row = 0; row < runs_.rows(); ++row)
      if (runs_.number(row, "ranks") == ranks) found.push_back(runs_.number(row, column));
    return found;
  }

  tune::SearchSettings search_;
  tune::ReplayTable const& table_;
  double per_result_;
  Table runs_{"simulation"};
  Table regret_{"regret"};
};

}  // namespace

record::RunRecord simulate(CommonSettings const& common, tune::SearchSettings search,
                           SimulationSettings const& simulation, std::string const& settings_toml) {
  tune::ReplayTable const table{record::read_without_model(simulation.simulate),
                                simulation.simulate};
  search.folds = table.folds();
  search.repeats = 1;
  search.scoring = table.scoring();
  auto const files = record::run_files(common.out, "simulate");
  record::decide_start(files, common.overwrite, false);
  if (!common.quiet)
    fmt::print("canopy tune: {} by {} configurations x {} folds of {}, {} trials, {} seed{}\n",
               search.search, table.size(), table.folds(), simulation.simulate, search.trials,
               simulation.seeds, simulation.seeds == 1 ? "" : "s");
  Phases phases;
  phases.begin("simulate");
  Simulation runs{search, table, simulation.per_result};
  for (auto const ranks : simulation.ranks)
    for (int seed = 0; seed < simulation.seeds; ++seed)
      runs.run(ranks, common.seed + static_cast<std::uint64_t>(seed));
  phases.end();
  auto record = begin_record({"tune", settings_toml, simulation.simulate, utc_now()}, common,
                             {comm::host_name()}, phases);
  record.tables = runs.tables();
  record.tables.push_back(phases.table());
  record::write(record, files.run_file);
  if (!common.quiet)
    fmt::print("\n{}near: trials until within {} of the table's best, {:.4f}; medians over seeds\n",
               report::render(runs.summary(simulation.ranks), {}), Simulation::near_enough,
               table.best());
  if (!common.quiet) fmt::print("run file {}\n", files.run_file.string());
  return record;
}

}  // namespace canopy::app
