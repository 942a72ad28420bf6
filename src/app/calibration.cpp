#include "calibration.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::app {
namespace {

using train::Line;
using train::Sample;

/// Rows of a table that hold these words.
class Rows {
 public:
  Rows(Table const& table, std::vector<std::pair<std::string, std::string>> const& words)
      : table_{table} {
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (std::ranges::all_of(words,
                              [&](auto const& w) { return table.text(row, w.first) == w.second; }))
        rows_.push_back(row);
  }

  bool empty() const { return rows_.empty(); }
  std::size_t first() const { return rows_.front(); }
  /// Through seconds by that column; amounts of several measurements count each.
  Line line(char const* amount) const {
    std::vector<Sample> samples;
    for (auto const row : rows_)
      if (auto const seconds = table_.number(row, "seconds"); seconds > 0)  // a clock ticks in ns
        samples.push_back({table_.number(row, amount), seconds});
    return train::fit_line(samples);
  }

 private:
  Table const& table_;
  std::vector<std::size_t> rows_;
};

nn::Network network_of(Table const& models, std::size_t row) {
  auto const number = [&](char const* column) {
    return static_cast<int>(models.number(row, column));
  };
  return nn::Network{nn::architecture_from_toml(
      models.text(row, "layers"), models.text(row, "model"),
      {number("channels"), number("height"), number("width")}, number("classes"))};
}

train::ModelCosts costs_of(Table const& models, std::size_t row, Table const& kernels) {
  auto const model = models.text(row, "model");
  auto const line = [&](char const* kernel, int layer = 0) {
    return Rows{kernels, {{"model", model}, {"kernel", kernel}, {"layer", std::to_string(layer)}}}
        .line("amount");
  };
  train::ModelCosts costs;
  costs.network = std::make_shared<nn::Network const>(network_of(models, row));
  costs.input = line("input");
  costs.loss = line("loss");
  costs.update_per_parameter = line("update").per_unit;
  costs.optimizer_states = static_cast<int>(models.number(row, "optimizer_states"));
  if (Rows const meetings{kernels, {{"kernel", "meeting"}, {"model", model}}}; !meetings.empty())
    costs.meeting = kernels.number(meetings.first(), "seconds");
  for (int layer = 1; layer <= costs.network->depth(); ++layer)
    costs.layers.push_back(
        {line("forward", layer), line("backward", layer), line("weights", layer)});
  return costs;
}

void read_links(Calibration& calibration, Table const& links) {
  auto const link = [&](char const* name) {
    return train::Link{Rows{links, {{"link", name}, {"ways", "one"}}}.line("bytes"),
                       Rows{links, {{"link", name}, {"ways", "both"}}}.line("bytes")};
  };
  calibration.has_within = !Rows{links, {{"link", "within"}}}.empty();
  calibration.has_between = !Rows{links, {{"link", "between"}}}.empty();
  calibration.cluster.within = link("within");
  calibration.cluster.between = link("between");
}

std::string link_text(char const* name, train::Link const& link) {
  auto const speed = [](train::Line const& line) {
    return line.per_unit > 0 ? text::bytes(1 / line.per_unit) + "/s" : "-";
  };
  return fmt::format("{:<11}{:.1f} us, {} one way, {} each way at once\n", name,
                     1e6 * link.one_way.fixed, speed(link.one_way), speed(link.both_ways));
}

std::string model_text(std::string const& name, train::ModelCosts const& costs) {
  constexpr int rows = 64;
  double flops = 0;
  for (int layer = 0; layer < costs.network->depth(); ++layer)
    flops += costs.network->flops(layer).training();
  auto const per_row = costs.pass_seconds(rows) / rows;
  return fmt::format("{:<11}{} samples/s by {} rows, {:.1f} GFLOP/s; update {:.2f} ms\n", name,
                     text::grouped(std::llround(1 / per_row)), rows, 1e-9 * flops / per_row,
                     1e3 * costs.update_seconds(costs.all_layers()));
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  auto const n = values.size();
  return {(values[(n - 1) / 2] + values[n / 2]) / 2, values.front(), values.back()};
}

std::string calibration_summary(Calibration const& calibration) {
  std::string text;
  if (calibration.has_within) text += link_text("within", calibration.cluster.within);
  if (calibration.has_between) text += link_text("between", calibration.cluster.between);
  for (auto const& [name, costs] : calibration.models) text += model_text(name, costs);
  if (calibration.tree)
    text +=
        fmt::format("{:<11}{:.3f} us a tree and row\n", "forest", 1e6 * calibration.tree->per_unit);
  if (calibration.task_seconds > 0)
    text += fmt::format("{:<11}{:.1f} us of rank 0 for each\n", "tasks",
                        1e6 * calibration.task_seconds);
  return text;
}

Table kernels_table(std::vector<KernelTime> const& kernels) {
  Table table{"kernels"};
  table.column("kernel", Table::Type::text).column("model", Table::Type::text);
  table.column("layer", Table::Type::integer).column("amount", Table::Type::real);
  table.column("unit", Table::Type::text);
  for (auto const* name : {"seconds", "least", "most", "per_second"})
    table.column(name, Table::Type::real);
  for (auto const& [kernel, model, layer, amount, unit, seconds] : kernels)
    table.add({kernel, model, std::int64_t{layer}, amount, unit, seconds.median, seconds.least,
               seconds.most, seconds.median > 0 ? amount / seconds.median : empty_cell});
  return table;
}

train::ModelCosts const& Calibration::model(std::string const& name) const {
  if (auto const found = models.find(name); found != models.end()) return found->second;
  std::vector<std::string> names;
  for (auto const& entry : models) names.push_back(entry.first);
  throw UserError{fmt::format(
      "--model is {}{}, but measured were {}; measure it by canopy calibrate --models {}", name,
      text::did_you_mean(name, names), names.empty() ? "none" : text::join(names, ", "), name)};
}

Calibration calibration_of(record::RunRecord const& run, std::string const& name) {
  auto const* links = run.table("links");
  auto const* kernels = run.table("kernels");
  auto const* models = run.table("models");
  if (run.command != "calibrate" || run.status != "complete" || !links || !kernels || !models)
    throw DataError{fmt::format(
        "{}: is a run of canopy {}, {}, and no finished calibration; make one by mpirun -np N "
        "canopy calibrate --out FILE.h5",
        name, run.command, run.status)};
  Calibration calibration;
  read_links(calibration, *links);
  calibration.cluster.ranks_per_node = std::max(1, run.np / std::max(1, run.nodes));
  calibration.cluster.add_per_byte = Rows{*kernels, {{"kernel", "add"}}}.line("amount").per_unit;
  for (std::size_t row = 0; row < models->rows(); ++row) {
    auto const model = models->text(row, "model");
    calibration.models.emplace(model, costs_of(*models, row, *kernels));
    for (auto const& [kernel, lines] :
         {std::pair{"aggregate", &calibration.aggregate}, std::pair{"merge", &calibration.merge}})
      lines->emplace(model, Rows{*kernels, {{"kernel", kernel}, {"model", model}}}.line("amount"));
  }
  if (Rows const trees{*kernels, {{"kernel", "tree"}}}; !trees.empty())
    calibration.tree = trees.line("amount");
  if (Rows const tasks{*kernels, {{"kernel", "task"}}}; !tasks.empty())
    calibration.task_seconds = kernels->number(tasks.first(), "seconds");
  return calibration;
}

}  // namespace canopy::app
