#include "canopy/app/plan.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "canopy/app/command_line.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/toml.hpp"
#include "canopy/record/provenance.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/report/text_table.hpp"

#include "plan_costs.hpp"

namespace canopy::app {
namespace {

Table plan_table() {
  Table table{"plan"};
  table.column("command", Table::Type::text).column("layout", Table::Type::text);
  table.column("np", Table::Type::integer).column("nodes", Table::Type::integer);
  for (auto const* name :
       {"seconds", "speed_up", "efficiency", "compute", "exposed_comm", "idle", "bubble", "memory"})
    table.column(name, Table::Type::real);
  return table;
}

/// Processes that compute: rank 0 of a search coordinates.
int workers(std::string const& command, int np) {
  return command == "tune" ? std::max(1, np - 1) : np;
}

void add(Table& table, std::string const& command, PlannedRun const& run, double alone) {
  auto const speed_up = alone / run.seconds;
  table.add({command, run.layout, std::int64_t{run.np}, std::int64_t{run.nodes}, run.seconds,
             speed_up, speed_up / workers(command, run.np), run.compute / run.seconds,
             run.exposed / run.seconds, run.idle / run.seconds, run.bubble / run.seconds,
             run.memory});
}

Table predictions(PlanSettings const& settings, Planner const& planner) {
  auto table = plan_table();
  for (auto const& layout : settings.layouts()) {
    auto const alone = planner.predict(layout, 1, planner.ranks_per_node()).seconds;
    for (auto const np : settings.np)
      add(table, settings.command, planner.predict(layout, np, planner.ranks_per_node()), alone);
  }
  return table;
}

/// The column of /scaling that predictions are of.
std::string measured_column(Table const& scaling, std::string const& command) {
  std::map<std::string, std::string> const phases{
      {"train", "fit"}, {"federate", "federate"}, {"tune", "search"}};
  auto const phase = phases.at(command) + "_seconds";
  return scaling.has_column(phase) ? phase : "wall_seconds";
}

/// np and nodes of the runs of a study, with the seconds of each.
std::map<std::pair<int, int>, std::vector<double>> measured_sizes(PlanSettings const& settings) {
  auto const study = record::read_without_model(settings.measured);
  auto const* scaling = study.table("scaling");
  if (scaling == nullptr || scaling->rows() == 0)
    throw DataError{settings.measured +
                    ": has no table /scaling; make one by canopy scaling collect RUN.h5..."};
  if (scaling->text(0, "command") != settings.command)
    throw UserError{fmt::format("{} is a study of canopy {} but --command is {}", settings.measured,
                                scaling->text(0, "command"), settings.command)};
  if (toml::parse(study.settings)["growth"].value<std::string>() == "weak")
    throw UserError{settings.measured +
                    ": the work of its runs grew with their size, and predictions are of one job; "
                    "give a study of strong scaling"};
  auto const column = measured_column(*scaling, settings.command);
  std::map<std::pair<int, int>, std::vector<double>> sizes;
  for (std::size_t row = 0; row < scaling->rows(); ++row)
    sizes[{static_cast<int>(scaling->number(row, "np")),
           static_cast<int>(scaling->number(row, "nodes"))}]
        .push_back(scaling->number(row, column));
  return sizes;
}

Table comparison(PlanSettings const& settings, Planner const& planner) {
  auto const layouts = settings.layouts();
  if (layouts.size() != 1) throw UserError{"--measured is of one layout; give --layout one name"};
  Table table{"measured"};
  table.column("layout", Table::Type::text);
  table.column("np", Table::Type::integer).column("nodes", Table::Type::integer);
  for (auto const* name : {"predicted", "measured", "least", "most", "relative_error"})
    table.column(name, Table::Type::real);
  for (auto& [size, seconds] : measured_sizes(settings)) {
    auto const [np, nodes] = size;
    auto const predicted = planner.predict(layouts.front(), np, (np + nodes - 1) / nodes).seconds;
    auto const [median, least, most] = spread_of(seconds);
    table.add({layouts.front(), std::int64_t{np}, std::int64_t{nodes}, predicted, median, least,
               most, predicted / median - 1});
  }
  return table;
}

}  // namespace

record::RunRecord run(PlanSettings const& settings) {
  settings.common.check();
  if (settings.calibration.empty())
    throw UserError{"by which measurements? As in `canopy plan CALIBRATION.h5 --np 1,2,4`"};
  auto const calibration =
      calibration_of(record::read_without_model(settings.calibration), settings.calibration);
  Planner const planner{settings, calibration};
  std::vector<Table> tables{predictions(settings, planner)};
  if (!settings.measured.empty()) tables.push_back(comparison(settings, planner));
  auto const files = record::run_files(settings.common.out, "plan");
  record::decide_start(files, settings.common.overwrite, false);
  auto copy = settings;
  Options options;
  copy.describe(options);
  record::RunRecord record;
  record.command = "plan";
  record.started = record.finished = utc_now();
  record.settings = options.to_toml();
  record.tables = std::move(tables);
  record::fill_provenance(record);
  record::write(record, files.run_file);
  if (settings.common.quiet) return record;
  for (auto const& table : record.tables)
    fmt::print("{}\n", report::render(table, {.digits = 4, .width = {}}));
  fmt::print("run file {}\n", files.run_file.string());
  return record;
}

int run_plan(std::span<std::string const> words) {
  PlanSettings settings;
  Options options;
  settings.describe(options);
  auto const line = read_words("plan", "Predicts how long layouts would take on larger clusters.",
                               options, words);
  if (line.help) {
    fmt::print("{}", *line.help);
    return 0;
  }
  return run(settings).exit_code;
}

}  // namespace canopy::app
