#include "canopy/app/report.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <ostream>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "canopy/core/options.hpp"
#include "canopy/core/output_file.hpp"
#include "canopy/core/text.hpp"
#include "canopy/report/page.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;

struct ReportSettings {
  std::string out;
  std::string title = "Canopy report";

  void describe(Options& o) {
    o.group("Report");
    o.row("out", out, "page to write, -o for short; one that is there is replaced",
          any<std::string>("FILE.html"));
    o.row("title", title, "heading of the page", any<std::string>("TEXT"));
  }
};

/// The names that tell the files apart: without folder and ending where that is enough.
std::vector<std::string> short_names(std::vector<std::string> const& files) {
  std::vector<std::string> names;
  for (auto const& file : files) names.push_back(fs::path{file}.stem());
  if (std::set<std::string>(names.begin(), names.end()).size() < names.size()) return files;
  return names;
}

/// Those that can be read; what is wrong with the others is told on stderr.
std::vector<report::RunOnPage> read_runs(std::vector<std::string> const& files) {
  auto const names = short_names(files);
  std::vector<report::RunOnPage> runs;
  std::vector<std::string> complaints;
  for (std::size_t i = 0; i < files.size(); ++i) try {
      runs.push_back({names[i], record::read_without_model(files[i])});
    } catch (DataError const& error) {
      complaints.emplace_back(error.what());
    }
  if (runs.empty()) throw DataError{text::join(complaints, "\n  ")};
  for (auto const& complaint : complaints)
    fmt::print(stderr, "canopy: warning: left out: {}\n", complaint);
  return runs;
}

}  // namespace

int run_report(std::span<std::string const> words) {
  std::vector<std::string> files, rest;
  for (; !words.empty() && !words[0].starts_with('-'); words = words.subspan(1))
    files.push_back(words[0]);
  for (auto const& word : words) rest.push_back(word == "-o" ? "--out" : word);
  ReportSettings settings;
  Options options;
  settings.describe(options);
  auto const line = read_command_line(
      "report RUN.h5...", "Writes one page about runs, which needs no network and no server.",
      options, rest);
  if (line.help) {
    fmt::print("{}", *line.help);
    return 0;
  }
  if (files.empty() || settings.out.empty())
    throw UserError{
        "which runs, and where to? As in `canopy report results/a.h5 results/b.h5 -o "
        "results/report.html`"};
  if (fs::path{settings.out}.extension() == ".h5")
    throw UserError{"--out " + settings.out +
                    " is named like a run file, expected a page such as report.html"};
  check_output("--out", settings.out, ".html", files);
  auto const runs = read_runs(files);
  auto const html = report::html_page(runs, {.title = settings.title});
  write_text(settings.out, [&](std::ostream& page) { page << html; });
  fmt::print("report {} ({})\n", settings.out, text::bytes(static_cast<double>(html.size())));
  return static_cast<int>(runs.size() < files.size() ? ExitCode::partial : ExitCode::done);
}

}  // namespace canopy::app
