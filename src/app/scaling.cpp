#include "canopy/app/scaling.hpp"

#include <cstdio>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "canopy/core/clock.hpp"
#include "canopy/core/options.hpp"
#include "canopy/core/output_file.hpp"
#include "canopy/record/provenance.hpp"
#include "canopy/record/run_record.hpp"
#include "canopy/report/scaling.hpp"
#include "canopy/report/text_table.hpp"

template <>
struct canopy::Names<canopy::report::Scale> {
  static constexpr std::array value{"nodes", "np", "workers"};
};
template <>
struct canopy::Names<canopy::report::Growth> {
  static constexpr std::array value{"strong", "weak"};
};

namespace canopy::app {
namespace {

struct ScalingSettings {
  std::string out;
  bool overwrite = false;
  report::Scale by = report::Scale::workers;
  report::Growth growth = report::Growth::strong;

  void describe(Options& o) {
    o.group("Scaling");
    o.row("out", out, "file to gather them in", any<std::string>("FILE.h5")).is_recorded = false;
    o.row("overwrite", overwrite, "replace that file", any<bool>("true or false")).is_recorded =
        false;
    o.row("by", by, "what the study varies; workers: processes that compute",
          any<report::Scale>("one of nodes, np, workers"));
    o.row("growth", growth,
          "strong: all runs did the same work and found the same; weak: as much more work as they "
          "were larger, and those of one size found the same",
          any<report::Growth>("one of strong, weak"));
  }
};

/// The run's path from the folder of the study, or its name when it lies elsewhere: a study that is
/// kept says nothing of the machine it was made on.
std::string name_in_study(std::string const& file, std::string const& study) {
  namespace fs = std::filesystem;
  auto const path = fs::relative(file, fs::absolute(study).parent_path());
  return *path.begin() == ".." ? path.filename().string() : path.string();
}

void print_study(Table const& scaling, Table const& fits) {
  fmt::print(
      "{}\n{}",
      report::render(report::select(scaling,
                                    {"size", "repeat", "np", "nodes", "wall_seconds", "speed_up",
                                     "efficiency", "karp_flatt", "busy", "result"},
                                    scaling.rows()),
                     {.digits = 4, .width = {}}),
      report::render(fits, {.digits = 4, .width = {}}));
}

}  // namespace

int run_scaling(std::span<std::string const> words) {
  std::vector<std::string> files;
  auto const is_file = [](std::string const& word) { return !word.starts_with('-'); };
  bool const collects = !words.empty() && words[0] == "collect";
  if (collects)
    for (words = words.subspan(1); !words.empty() && is_file(words[0]); words = words.subspan(1))
      files.push_back(words[0]);
  if (!collects && !words.empty() && is_file(words[0]))
    throw UserError{fmt::format(
        "canopy scaling has no '{}'{}; say `canopy scaling collect RUN.h5... --out FILE.h5`",
        words[0], text::did_you_mean(words[0], std::vector<std::string>{"collect"}))};
  ScalingSettings settings;
  Options options;
  settings.describe(options);
  auto const line = read_command_line("scaling collect RUN.h5...",
                                      "Gathers the runs of a scaling study and fits laws to them.",
                                      options, words);
  if (line.help) {
    fmt::print("{}", *line.help);
    return 0;
  }
  if (!collects || files.empty() || settings.out.empty())
    throw UserError{
        "which runs, and where to? As in `canopy scaling collect results/a*.h5 --out "
        "results/scaling.h5`"};
  check_output("--out", settings.out, ".h5", files);
  if (std::filesystem::exists(settings.out) && !settings.overwrite)
    throw UserError{settings.out + " exists; --overwrite replaces it"};
  record::RunRecord study;
  study.command = "scaling";
  study.started = study.finished = utc_now();
  study.settings = options.to_toml();
  record::fill_provenance(study);
  std::vector<record::RunRecord> runs;
  std::vector<std::string> names;
  for (auto const& file : files) {
    runs.push_back(record::read_without_model(file));
    names.push_back(name_in_study(file, settings.out));
  }
  auto const scaling = report::scaling_table(runs, files, settings.by, settings.growth, names);
  study.tables = {scaling, report::fits_table(scaling, settings.growth)};
  bool const agree = report::results_agree(scaling, settings.growth);
  study.exit_code = agree ? 0 : static_cast<int>(ExitCode::partial);
  record::write(study, settings.out);
  print_study(scaling, study.tables[1]);
  auto const* of_which = settings.growth == report::Growth::weak ? " OF A SIZE" : "";
  if (!agree) fmt::print("NOT ALL RUNS{} FOUND THE SAME: see the column result\n", of_which);
  fmt::print("run file {}\n", settings.out);
  return study.exit_code;
}

}  // namespace canopy::app
