#include "canopy/app/dashboard.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "canopy/comm/environment.hpp"
#include "canopy/core/digest.hpp"
#include "canopy/core/options.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/report/page.hpp"

#include "http_server.hpp"
#include "own_process.hpp"
#include "run_folder.hpp"

namespace canopy::app {
namespace {

constexpr double refresh_seconds = 2;
constexpr std::size_t most_compared = 20, most_listed = 5000;
constexpr char html[] = "text/html; charset=utf-8", json[] = "application/json";

struct DashboardSettings {
  std::string folder = "results";
  int port = 8080;
  std::string host = "127.0.0.1";

  void describe(Options& o) {
    o.group("Dashboard");
    o.positional("FOLDER", folder, "where runs put their files", any<std::string>("FOLDER"));
    o.row("port", port, "to listen on; 0 takes one that is free", between(0, 65535));
    o.row(
        "host", host,
        "address to listen on; any but the loopback lets others read all runs, without a password",
        any<std::string>("ADDRESS"));
  }
};

/// A word as a part of an address.
std::string encoded(std::string const& word) {
  std::string text;
  for (unsigned char const c : word)
    text += std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/'
                ? std::string(1, static_cast<char>(c))
                : fmt::format("%{:02X}", c);
  return text;
}

HttpResponse error(int status, std::string const& why) {
  return {status, "text/plain; charset=utf-8", why + "\n\nThe list of runs is at /\n"};
}

class Dashboard {
 public:
  explicit Dashboard(std::string const& folder) : folder_{folder} {}

  HttpResponse answer(HttpRequest const& request) {
    auto const& path = request.path;
    constexpr std::string_view run = "/run/";
    if (path == "/") {
      auto const now = list();
      return {200, html, report::html_page(now.runs, now.options)};
    }
    if (path.starts_with(run)) return page_of({path.substr(run.size())});
    auto const found = request.query.find("run");
    auto const names = found == request.query.end() ? std::vector<std::string>{} : found->second;
    if (path == "/compare") return page_of(names);
    if (path == "/data") return data(names, request);
    return error(404, "there is nothing at " + path);
  }

 private:
  /// What a page shows, and what tells whether that has changed.
  struct Content {
    std::vector<report::RunOnPage> runs;
    report::PageOptions options;
    std::string stamp;
  };

  HttpResponse page_of(std::vector<std::string> const& names) {
    if (auto const wrong = why_not(names)) return *wrong;
    return apart(html, [&] {
      auto const shown = content(names);
      return report::html_page(shown.runs, shown.options);
    });
  }

  HttpResponse data(std::vector<std::string> const& names, HttpRequest const& request) {
    auto const seen = request.query.find("seen");
    auto const is_seen = [&](std::string const& stamp) {
      return seen != request.query.end() && seen->second.front() == stamp;
    };
    if (names.empty()) {
      auto const now = list();
      if (is_seen(now.stamp)) return {204, "", ""};
      return {200, json, report::page_data_text(now.runs, now.options)};
    }
    if (auto const wrong = why_not(names)) return *wrong;
    if (is_seen(stamp_of(names))) return {204, "", ""};
    return apart(json, [&] {
      auto const shown = content(names);
      return report::page_data_text(shown.runs, shown.options);
    });
  }

  /// Runs are read, and drawn, where a crash ends nothing else.
  static HttpResponse apart(std::string type, std::function<std::string()> const& body) try {
    constexpr double patience = 60;
    return {200, std::move(type), in_own_process(body, patience)};
  } catch (DataError const& e) {
    return error(422, e.what());
  }

  /// The answer to who asks for runs that cannot be shown.
  std::optional<HttpResponse> why_not(std::vector<std::string> const& names) {
    if (names.empty())
      return error(400, "which runs? Give their names, as in /compare?run=one&run=another");
    if (names.size() > most_compared)
      return error(400, fmt::format("{} runs are too many for one page; {} fit", names.size(),
                                    most_compared));
    for (auto const& name : names) {
      auto const* run = folder_.find(name);
      if (run == nullptr) return error(404, "there is no run '" + name + "' in this folder");
      if (run->status == "unreadable") return error(422, run->problem);
    }
    return {};
  }

  std::string stamp_of(std::vector<std::string> const& names) {
    std::string all;
    for (auto const& name : names)
      if (auto const* run = folder_.find(name)) all += name + run->stamp;
    return digest(all);
  }

  static std::string digest(std::string const& text) {
    Sha256 hash;
    hash.add(text.data(), text.size());
    return hash.hex().substr(0, 16);
  }

  Content content(std::vector<std::string> const& names) {
    Content content;
    content.stamp = stamp_of(names);  // before they are read: what changes meanwhile is told again
    bool goes_on = false;
    std::string query;
    for (auto const& name : names) {
      content.runs.push_back({name, folder_.read(name)});
      goes_on = goes_on || content.runs.back().record.status == "running";
      query += "run=" + encoded(name) + "&";
    }
    content.options.title = text::join(names, ", ");
    content.options.home_url = "/";
    content.options.refresh_seconds = refresh_seconds;
    if (goes_on) content.options.data_url = "/data?" + query + "seen=" + content.stamp;
    return content;
  }

  /// The list of the newest runs, as a run whose table they are.
  Content list() {
    constexpr double seconds_to_read = 0.5;
    Table table{"runs"};
    for (auto const* name : {"name", "status", "command", "started", "headline", "problem"})
      table.column(name, Table::Type::text);
    table.column("seconds", Table::Type::real).column("np", Table::Type::integer);
    std::string all;
    auto runs = folder_.look(seconds_to_read);
    Table count{"count"};
    count.column("runs", Table::Type::integer).add({std::ssize(runs)});
    runs.resize(std::min(runs.size(), most_listed));
    for (auto const& run : runs) {
      table.add({run.name, run.status, run.command, run.started, run.headline, run.problem,
                 run.command.empty() ? empty_cell : run.seconds, std::int64_t{run.np}});
      all += run.name + run.status + run.stamp;
    }
    Content content;
    content.stamp = digest(all);
    record::RunRecord record;
    record.command = "dashboard";
    record.tables = {std::move(table), std::move(count)};
    content.runs.push_back({"runs", std::move(record)});
    content.options.title = "Runs in " + folder_.name();
    content.options.data_url = "/data?seen=" + content.stamp;
    content.options.refresh_seconds = refresh_seconds;
    return content;
  }

  RunFolder folder_;
};

}  // namespace

int run_dashboard(std::span<std::string const> words) {
  DashboardSettings settings;
  Options options;
  settings.describe(options);
  auto const line = read_command_line(
      "dashboard", "Serves the pages of `canopy report` for all runs of a folder, live.", options,
      words);
  if (line.help) {
    fmt::print("{}", *line.help);
    return 0;
  }
  Dashboard dashboard{settings.folder};
  HttpServer server{settings.host, settings.port,
                    [&](HttpRequest const& request) { return dashboard.answer(request); }};
  if (!is_loopback(settings.host))
    fmt::print(
        stderr,
        "canopy: warning: --host {} lets everybody who reaches this machine read all runs in "
        "{}: there is no password and no encryption\n",
        settings.host, settings.folder);
  fmt::print(
      "canopy dashboard: http://{}:{}/ shows the runs in {}; Ctrl-C ends it\n",
      settings.host.find(':') == std::string::npos ? settings.host : "[" + settings.host + "]",
      server.port(), settings.folder);
  std::fflush(stdout);
  comm::Deadline end;
  server.serve([&] {
    if (!signals::stop_requested()) return false;
    end.set(0.5, 0);  // for who is in the middle of a page
    return true;
  });
  return 0;
}

}  // namespace canopy::app
