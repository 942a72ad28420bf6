#include "canopy/report/scaling.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include <Eigen/Dense>
#include <fmt/format.h>

#include "canopy/core/digest.hpp"
#include "canopy/core/error.hpp"
#include "canopy/core/median.hpp"
#include "canopy/core/text.hpp"

namespace canopy::report {
namespace {

std::size_t sizes(std::span<ScalingPoint const> points) {
  std::set<double> different;
  for (auto const& point : points) different.insert(point.size);
  return different.size();
}

/// Coefficients of columns that are at least 0 and give the least squares of relative errors: the
/// best of all choices of columns whose plain least squares are not negative.
Eigen::VectorXd relative_least_squares(std::span<ScalingPoint const> points,
                                       std::vector<double (*)(double)> const& columns) {
  auto const n = static_cast<Eigen::Index>(points.size());
  auto const k = static_cast<Eigen::Index>(columns.size());
  Eigen::MatrixXd shares(n, k);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < k; ++j) {
      auto const& point = points[static_cast<std::size_t>(i)];
      shares(i, j) = columns[static_cast<std::size_t>(j)](point.size) / point.seconds;
    }
  Eigen::VectorXd const ones = Eigen::VectorXd::Ones(n);
  Eigen::VectorXd best = Eigen::VectorXd::Zero(k);
  auto least = std::numeric_limits<double>::infinity();
  for (unsigned chosen = 1; chosen < 1u << k; ++chosen) {
    std::vector<Eigen::Index> which;
    for (Eigen::Index j = 0; j < k; ++j)
      if ((chosen >> j & 1) != 0) which.push_back(j);
    Eigen::VectorXd const found = shares(Eigen::all, which).colPivHouseholderQr().solve(ones);
    auto const error = (shares(Eigen::all, which) * found - ones).squaredNorm();
    if (found.minCoeff() < 0 || error >= least) continue;
    least = error;
    best.setZero();
    best(which) = found;
  }
  return best;
}

ScalingFit with_error(ScalingFit fit, std::span<ScalingPoint const> points) {
  double squares = 0;
  for (auto const& point : points)
    squares += std::pow(fit.seconds_at(point.size) / point.seconds - 1, 2);
  fit.error = std::sqrt(squares / static_cast<double>(points.size()));
  return fit;
}

}  // namespace

double ScalingFit::seconds_at(double size) const {
  if (law == "gustafson") return one / (size - serial * (size - 1));
  return one * (1 + serial * (size - 1) + coherence * size * (size - 1)) / size;
}

// By both laws seconds are a sum with coefficients of at least 0. Amdahl: serial + parallel / size.
// USL: one / size + one sigma (1 - 1 / size) + one kappa (size - 1).
ScalingFit fit_amdahl(std::span<ScalingPoint const> points) {
  if (sizes(points) < 2) throw UserError{"Amdahl's law needs runs of two sizes"};
  auto const found = relative_least_squares(
      points, {[](double) { return 1.0; }, [](double size) { return 1 / size; }});
  ScalingFit fit{"amdahl", found.sum()};
  fit.serial = found(0) / found.sum();
  return with_error(fit, points);
}

ScalingFit fit_usl(std::span<ScalingPoint const> points) {
  if (sizes(points) < 3) throw UserError{"the universal scalability law needs runs of three sizes"};
  auto const found = relative_least_squares(
      points, {[](double size) { return 1 / size; }, [](double size) { return 1 - 1 / size; },
               [](double size) { return size - 1; }});
  ScalingFit fit{"usl", found(0)};
  fit.serial = found(1) / found(0);
  fit.coherence = found(2) / found(0);
  return with_error(fit, points);
}

// Its speed is a sum with coefficients of at least 0: 1 / seconds = (serial + parallel size) / one.
ScalingFit fit_gustafson(std::span<ScalingPoint const> points) {
  if (sizes(points) < 2) throw UserError{"Gustafson's law needs runs of two sizes"};
  std::vector<ScalingPoint> speeds{points.begin(), points.end()};
  for (auto& point : speeds) point.seconds = 1 / point.seconds;
  auto const found = relative_least_squares(
      speeds, {[](double) { return 1.0; }, [](double size) { return size; }});
  ScalingFit fit{"gustafson", 1 / found.sum()};
  fit.serial = found(0) / found.sum();
  return with_error(fit, points);
}

double karp_flatt(double speed_up, double size) {
  return size > 1 ? (1 / speed_up - 1 / size) / (1 - 1 / size) : empty_cell;
}

std::string result_of(record::RunRecord const& run) {
  Sha256 hash;
  auto const add = [&](std::string const& text) { hash.add(text.data(), text.size()); };
  if (run.model_row && run.model_row->has_column("sha256")) add(run.model_row->text(0, "sha256"));
  for (auto const* name : {"trials", "epochs", "rounds", "models"}) {
    auto const* table = run.table(name);
    if (table == nullptr) continue;
    for (auto const& column : table->column_names()) {
      static std::set<std::string> const found{"mean_test_score", "loss", "accuracy", "id"};
      if (!found.contains(column)) continue;
      for (std::size_t row = 0; row < table->rows(); ++row) add(table->text(row, column) + "\n");
    }
  }
  return hash.hex().substr(0, 16);
}

namespace {

struct Run {
  record::RunRecord const* record;
  std::string file;  ///< for messages
  std::string name;  ///< for the table
  double size;
  std::int64_t repeat = 0;
};

double size_of(record::RunRecord const& run, Scale scale) {
  if (scale == Scale::nodes) return run.nodes;
  if (scale == Scale::np) return run.np;
  return run.command == "tune" ? std::max(1, run.np - 1)
                               : run.np;  // rank 0 of a search coordinates
}

/// Settings, a line each, without what the sizes of a study differ in.
std::vector<std::string> settings_of(record::RunRecord const& run) {
  std::vector<std::string> kept;
  for (auto const& line : text::split(run.settings, '\n'))
    if (!line.starts_with("out =") && !line.starts_with("progress") && !line.starts_with("quiet") &&
        !line.starts_with("overwrite") && !line.starts_with("resume"))
      kept.emplace_back(line);
  return kept;
}

/// A setting up to its last "=", as in `data = "synthetic:mnist,rows=`, and the number after it.
std::pair<std::string, std::optional<double>> counted(std::string line) {
  std::erase(line, '"');
  auto const number = line.rfind('=') + 1;
  return {line.substr(0, number), text::to_double(text::trim(line.substr(number)))};
}

/// Is the second setting the first for so many times the work? Names of data do not tell their
/// rows.
bool is_grown(std::string const& one, std::string const& other, double times) {
  auto const [what, number] = counted(one);
  auto const [other_what, other_number] = counted(other);
  if (what == other_what && number && other_number)
    return std::abs(*number * times - *other_number) <= 1e-9 * std::abs(*other_number);
  return one.starts_with("data = ") && other.starts_with("data = ");
}

/// `all` are in the order of their sizes.
void check_growth(std::vector<Run> const& all) {
  auto const& first = all.front();
  auto const small = settings_of(*first.record);
  for (auto const& run : all) {
    auto const large = settings_of(*run.record);
    auto const times = run.size / first.size;
    if (large.size() != small.size())
      throw UserError{fmt::format(
          "{} and {} differ in their spaces or layers; a study has the same ones in all runs",
          first.file, run.file)};
    if (times > 1 && large == small)
      throw UserError{
          fmt::format("{} and {} did the same work with sizes {} and {}; say --growth strong",
                      first.file, run.file, first.size, run.size)};
    for (std::size_t i = 0; i < large.size(); ++i) {
      if (large[i] == small[i] || (times > 1 && is_grown(small[i], large[i], times))) continue;
      auto const expected =
          times > 1 ? fmt::format("{} times the number, and nothing else to differ", times)
                    : std::string{"the same settings with the same size"};
      throw UserError{fmt::format("{} has `{}` with size {}, {} has `{}` with size {}; expected {}",
                                  first.file, small[i], first.size, run.file, large[i], run.size,
                                  expected)};
    }
  }
}

/// Commands whose work can be divided in other ways, and leaves something to compare.
void check_command(record::RunRecord const& run, std::string const& file) {
  constexpr std::array studied{"tune", "train", "federate"};
  if (std::ranges::find(studied, run.command) != studied.end() && !run.table("simulation")) return;
  throw DataError{fmt::format(
      "{}: is of canopy {}, which has no work to compare; give runs of canopy tune, train or "
      "federate",
      file, run.command + (run.table("simulation") ? " --simulate" : ""))};
}

std::vector<Run> checked(std::vector<record::RunRecord> const& runs,
                         std::vector<std::string> const& files,
                         std::vector<std::string> const& names, Scale scale, Growth growth) {
  std::vector<Run> all;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    check_command(runs[i], files[i]);
    if (runs[i].status != "complete")
      throw UserError{
          fmt::format("{}: the run is {}, expected complete ones", files[i], runs[i].status)};
    if (runs[i].command != runs[0].command)
      throw UserError{fmt::format("{} is of canopy {}, {} of canopy {}; a study has one command",
                                  files[0], runs[0].command, files[i], runs[i].command)};
    if (growth == Growth::strong && settings_of(runs[i]) != settings_of(runs[0]))
      throw UserError{
          fmt::format("{} and {} were run with different settings; compare their "
                      "`canopy show RUN.h5 settings`, or say --growth weak",
                      files[0], files[i])};
    all.push_back(
        {&runs[i], files[i], names.empty() ? files[i] : names[i], size_of(runs[i], scale)});
  }
  std::ranges::stable_sort(all, {}, &Run::size);
  std::map<double, std::int64_t> repeats;
  for (auto& run : all) run.repeat = repeats[run.size]++;
  if (growth == Growth::weak) check_growth(all);
  return all;
}

/// How all ranks together spent their time: in work, waiting, and in messages.
std::array<double, 3> shares(record::RunRecord const& run) {
  std::array<double, 3> sums{};
  auto const* ranks = run.table("ranks");
  if (ranks == nullptr) return {empty_cell, empty_cell, empty_cell};
  std::array<char const*, 3> const columns{"busy_seconds", "idle_seconds", "comm_seconds"};
  for (std::size_t c = 0; c < columns.size(); ++c)
    for (std::size_t row = 0; row < ranks->rows(); ++row)
      if (ranks->has_column(columns[c])) sums[c] += ranks->number(row, columns[c]);
  auto const all = sums[0] + sums[1] + sums[2];
  for (auto& sum : sums) sum = all > 0 ? sum / all : empty_cell;
  return sums;
}

double phase_seconds(record::RunRecord const& run, std::string const& phase) {
  auto const* phases = run.table("phases");
  double seconds = 0;
  for (std::size_t row = 0; phases != nullptr && row < phases->rows(); ++row)
    if (phases->text(row, "name") == phase)
      seconds += phases->number(row, "end") - phases->number(row, "begin");
  return seconds;
}

std::vector<std::string> phases_of(std::vector<Run> const& runs) {
  std::vector<std::string> names;
  for (auto const& run : runs) {
    auto const* phases = run.record->table("phases");
    for (std::size_t row = 0; phases != nullptr && row < phases->rows(); ++row)
      if (auto name = phases->text(row, "name"); std::ranges::find(names, name) == names.end())
        names.push_back(name);
  }
  return names;
}

double environment_number(record::RunRecord const& run, std::string_view name) {
  for (auto const& [key, value] : run.environment.attributes())
    if (key == name)
      if (auto const* number = std::get_if<double>(&value)) return *number;
  return empty_cell;
}

}  // namespace

Table scaling_table(std::vector<record::RunRecord> const& runs,
                    std::vector<std::string> const& files, Scale scale, Growth growth,
                    std::vector<std::string> const& names) {
  auto const all = checked(runs, files, names, scale, growth);
  auto const phases = phases_of(all);
  using Type = Table::Type;
  Table table{"scaling"};
  table.column("run", Type::text).column("command", Type::text);
  for (auto const* name : {"np", "nodes"}) table.column(name, Type::integer);
  table.column("size", Type::real).column("repeat", Type::integer);
  table.column("wall_seconds", Type::real);
  for (auto const& phase : phases) table.column(phase + "_seconds", Type::real);
  for (auto const* name : {"busy", "idle", "comm", "speed_up", "efficiency", "karp_flatt", "load",
                           "throttled_seconds"})
    table.column(name, Type::real);
  table.column("result", Type::text);

  auto const smallest = all.front().size;
  std::vector<double> at_smallest;
  for (auto const& run : all)
    if (run.size == smallest) at_smallest.push_back(run.record->wall_seconds);
  auto const one = median(at_smallest) * (growth == Growth::strong ? smallest : 1);
  for (auto const& run : all) {
    auto const& record = *run.record;
    auto const speed_up = one / record.wall_seconds * (growth == Growth::strong ? 1 : run.size);
    std::vector<Cell> row{
        run.name, record.command, std::int64_t{record.np}, std::int64_t{record.nodes},
        run.size, run.repeat,     record.wall_seconds};
    for (auto const& phase : phases) row.emplace_back(phase_seconds(record, phase));
    for (auto const share : shares(record)) row.emplace_back(share);
    row.insert(row.end(), {speed_up, speed_up / run.size, karp_flatt(speed_up, run.size),
                           environment_number(record, "load"),
                           environment_number(record, "throttled_seconds"), result_of(record)});
    table.add(row);
  }
  return table;
}

Table fits_table(Table const& scaling, Growth growth) {
  std::vector<ScalingPoint> points;
  for (std::size_t row = 0; row < scaling.rows(); ++row) {
    auto const size = scaling.number(row, "size");
    auto const seconds = scaling.number(row, "wall_seconds");
    points.push_back({size, growth == Growth::strong ? seconds : seconds / size});
  }
  Table table{"fit"};
  table.column("law", Table::Type::text);
  for (auto const* name : {"one_seconds", "serial", "coherence", "relative_error"})
    table.column(name, Table::Type::real);
  std::vector<ScalingFit> fits;
  if (sizes(points) >= 2) fits.push_back(fit_amdahl(points));
  if (sizes(points) >= 3) fits.push_back(fit_usl(points));
  if (sizes(points) >= 2 && growth == Growth::weak) fits.push_back(fit_gustafson(points));
  for (auto const& fit : fits) table.add({fit.law, fit.one, fit.serial, fit.coherence, fit.error});
  return table;
}

bool results_agree(Table const& scaling, Growth growth) {
  std::map<double, std::set<std::string>> results;
  for (std::size_t row = 0; row < scaling.rows(); ++row)
    results[growth == Growth::weak ? scaling.number(row, "size") : 0].insert(
        scaling.text(row, "result"));
  return std::ranges::all_of(results, [](auto const& size) { return size.second.size() == 1; });
}

}  // namespace canopy::report
