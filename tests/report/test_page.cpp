#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "canopy/report/page.hpp"

namespace {

using namespace canopy;
using nlohmann::ordered_json;
using report::RunOnPage;
using Type = Table::Type;

record::RunRecord a_run(std::string command) {
  record::RunRecord run;
  run.command = std::move(command);
  run.version = "0.1.0";
  run.started = "2026-11-26T10:00:00Z";
  run.wall_seconds = 1.5;
  run.seed = 7;
  run.np = 3;
  run.settings =
      "rounds = 5\nlr = 0.1\nlayout = \"fedn\"\nlist = [1, 2]\n[space]\ndepth = \"1..9\"\n";
  run.environment.set_attribute("hostname", std::string{"vm1"});
  return run;
}

ordered_json data_of(record::RunRecord run) {
  std::vector<RunOnPage> const runs{{"run", std::move(run)}};
  return ordered_json::parse(report::page_data_text(runs)).at("runs").at(0);
}

TEST(PageData, TellsAttributesAndSettings) {
  auto const data = data_of(a_run("federate"));
  EXPECT_EQ(data.at("name"), "run");
  EXPECT_EQ(data.at("attributes").at("command"), "federate");
  EXPECT_EQ(data.at("attributes").at("np"), 3);
  EXPECT_EQ(data.at("attributes").at("wall_seconds"), 1.5);
  EXPECT_EQ(data.at("settings").at("rounds"), 5);
  EXPECT_EQ(data.at("settings").at("lr"), 0.1);
  EXPECT_EQ(data.at("settings").at("layout"), "fedn");
  EXPECT_EQ(data.at("settings").at("list"), ordered_json::parse("[1, 2]"));
  EXPECT_EQ(data.at("settings").at("space.depth"), "1..9");
  EXPECT_EQ(data.at("environment").at("hostname"), "vm1");
}

TEST(PageData, KeepsSettingsThatAreNotToml) {
  auto run = a_run("tune");
  run.settings = "what = = this";
  EXPECT_EQ(data_of(run).at("settings").at("text"), "what = = this");
}

TEST(PageData, NumbersComeBackInSevenDigitsAndEmptyCellsAsNull) {
  Table table{"numbers"};
  table.column("z", Type::integer).column("a", Type::real);
  auto const beyond = (std::int64_t{1} << 53) + 1;
  table.add({std::int64_t{-3}, 0.1});
  table.add({beyond, empty_cell});
  table.add({-beyond, std::numeric_limits<double>::infinity()});
  table.add({std::int64_t{0}, 1.0 / 3});
  table.add({std::int64_t{0}, 1.23456789e-300});
  auto run = a_run("tune");
  run.tables = {table};
  run.seed = std::numeric_limits<std::uint64_t>::max();
  auto const data = data_of(run);
  auto const& columns = data.at("tables").at("numbers");
  EXPECT_EQ(columns.begin().key(), "z") << "columns keep their order";
  EXPECT_EQ(columns.at("z"),
            ordered_json::parse(R"([-3, "9007199254740993", "-9007199254740993", 0, 0])"));
  EXPECT_EQ(columns.at("a"), ordered_json::parse("[0.1, null, null, 0.3333333, 1.234568e-300]"));
  EXPECT_EQ(data.at("attributes").at("seed"), "18446744073709551615");
}

TEST(PageData, WordsSaidOftenAreSaidOnce) {
  Table table{"words"};
  table.column("fate", Type::text).column("id", Type::text);
  for (auto const* fate : {"full", "late", "full", "full", "late"})
    table.add({fate, fmt::format("id {}", table.rows())});
  auto run = a_run("federate");
  run.tables = {table};
  auto const columns = data_of(run).at("tables").at("words");
  EXPECT_EQ(columns.at("fate"),
            ordered_json::parse(R"({"words": ["full", "late"], "at": [0, 1, 0, 0, 1]})"));
  EXPECT_EQ(columns.at("id"), ordered_json::parse(R"(["id 0", "id 1", "id 2", "id 3", "id 4"])"));
}

TEST(HtmlPage, NothingInARunBreaksOutOfItsPlace) {
  auto run = a_run("tune");
  Table events{"events"};
  events.column("text", Type::text);
  events.add({"</script><script>alert(1)</script>"});
  events.add({"<!-- @SCRIPTS@ \xff not UTF-8"});
  run.tables = {events};
  std::vector<RunOnPage> const runs{{"</script><b>&\"", run}};
  auto const html = report::html_page(runs, {.title = "<i>\"a & b\""});
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_EQ(html.find("<b>"), std::string::npos);
  EXPECT_NE(html.find("<title>&lt;i&gt;&quot;a &amp; b&quot;</title>"), std::string::npos);
  auto const begin = html.find("id=\"data\">") + std::string{"id=\"data\">"}.size();
  auto const data = ordered_json::parse(html.substr(begin, html.find("</script>", begin) - begin));
  EXPECT_EQ(data.at("runs").at(0).at("name"), "</script><b>&\"");
  EXPECT_EQ(data.at("runs").at(0).at("tables").at("events").at("text").at(0),
            "</script><script>alert(1)</script>");
}

TEST(HtmlPage, AllowsItsOwnScriptsOnly) {
  std::vector<RunOnPage> const runs{{"run", a_run("tune")}};
  auto const html = report::html_page(runs);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(html.find("unsafe"), std::string::npos);
  EXPECT_EQ(html.find("connect-src"), std::string::npos);
  EXPECT_EQ(html.find("src=\""), std::string::npos) << "nothing is fetched";
  EXPECT_EQ(html.find("@"), html.find("@media")) << "all places of the template are filled";
  auto const live = report::html_page(runs, {.data_url = "/data"});
  EXPECT_NE(live.find("connect-src 'self'"), std::string::npos);
}

TEST(HtmlPage, ACommandItDoesNotKnowHasItsTables) {
  auto run = a_run("weave");
  Table table{"threads"};
  table.column("length", Type::real);
  table.add({2.5});
  run.tables = {table, Table{"empty"}};
  auto const data = data_of(run);
  EXPECT_EQ(data.at("attributes").at("command"), "weave");
  EXPECT_EQ(data.at("tables").at("threads").at("length"), ordered_json::parse("[2.5]"));
  EXPECT_FALSE(data.at("tables").contains("empty"));
}

/// As a federated run leaves it: every client has a part in every round and is validated.
record::RunRecord large_federation(int rounds, int clients) {
  Table updates{"updates"}, validations{"validations"}, models{"models"}, table{"rounds"};
  for (auto const* name : {"round", "client", "combiner", "rank"})
    updates.column(name, Type::integer);
  updates.column("fate", Type::text).column("rows", Type::integer).column("steps", Type::integer);
  for (auto const* name : {"loss", "rms_loss", "weight", "norm"}) updates.column(name, Type::real);
  updates.column("staleness", Type::integer);
  for (auto const* name : {"real_seconds", "virtual_begin", "virtual_end"})
    updates.column(name, Type::real);
  validations.column("round", Type::integer).column("client", Type::integer);
  validations.column("model", Type::text).column("rows", Type::integer);
  validations.column("loss", Type::real).column("accuracy", Type::real);
  models.column("id", Type::text).column("parent", Type::text).column("round", Type::integer);
  models.column("cohort", Type::text);
  table.column("round", Type::integer);
  for (int i = 0; i < 14; ++i) table.column(fmt::format("number_{}", i), Type::real);
  std::string cohort;
  for (int client = 0; client < clients; ++client) cohort += fmt::format("{},", client);
  for (std::int64_t round = 1; round <= rounds; ++round) {
    auto const id = fmt::format("{:064}", round);
    models.add({id, fmt::format("{:064}", round - 1), round, cohort});
    std::vector<Cell> cells{round};
    for (int i = 0; i < 14; ++i) cells.emplace_back(std::sin(static_cast<double>(15 * round + i)));
    table.add(cells);
    for (std::int64_t client = 0; client < clients; ++client) {
      auto const x = std::abs(std::sin(static_cast<double>(round * clients + client)));
      updates.add({round, client, std::int64_t{1}, std::int64_t{2}, "full", std::int64_t{600},
                   std::int64_t{19}, x, x / 3, x / 7, x / 11, std::int64_t{0}, x / 13,
                   static_cast<double>(round), static_cast<double>(round) + x});
      validations.add({round, client, id, std::int64_t{600}, x, 1 - x});
    }
  }
  auto run = a_run("federate");
  run.tables = {table, updates, validations, models};
  return run;
}

TEST(HtmlPage, AThousandRoundsOfAHundredClientsTakeFiveMegabytesAtMost) {
  std::vector<RunOnPage> const runs{{"large", large_federation(1000, 100)}};
  auto const html = report::html_page(runs);
  EXPECT_LT(html.size(), 5'000'000u);
  auto const data = data_of(runs[0].record);
  EXPECT_EQ(data.at("tables").at("updates_by_round").at("loss_median").size(), 1000u);
  EXPECT_EQ(data.at("tables").at("validations_by_round").at("accuracy_q1").size(), 1000u);
  EXPECT_EQ(data.at("notes").size(), 2u) << "the reader is told what was left out";
  RecordProperty("bytes", static_cast<int>(html.size()));
  fmt::print("a page of 1,000 rounds x 100 clients has {} bytes\n", html.size());
}

}  // namespace
