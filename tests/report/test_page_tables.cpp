#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "canopy/report/page_tables.hpp"

namespace {

using namespace canopy;
using Type = Table::Type;

Table values_by_round() {
  Table table{"validations"};
  table.column("round", Type::integer).column("loss", Type::real);
  for (double const x : {4.0, 1.0, 3.0, 2.0}) table.add({std::int64_t{2}, x});
  for (double const x : {7.0, empty_cell}) table.add({std::int64_t{1}, x});
  table.add({std::int64_t{3}, empty_cell});
  return table;
}

TEST(Quartiles, AreNumPysByGroup) {
  auto const summary = report::quartiles_by(values_by_round(), "by", "round", {"loss", "absent"});
  ASSERT_EQ(summary.rows(), 3u);
  EXPECT_EQ(summary.name(), "by");
  EXPECT_FALSE(summary.has_column("absent_min"));
  EXPECT_EQ(summary.number(1, "round"), 2);
  EXPECT_EQ(summary.number(1, "count"), 4);
  EXPECT_DOUBLE_EQ(summary.number(1, "loss_min"), 1);
  EXPECT_DOUBLE_EQ(summary.number(1, "loss_q1"), 1.75);  // numpy.percentile([1,2,3,4], 25)
  EXPECT_DOUBLE_EQ(summary.number(1, "loss_median"), 2.5);
  EXPECT_DOUBLE_EQ(summary.number(1, "loss_q3"), 3.25);
  EXPECT_DOUBLE_EQ(summary.number(1, "loss_max"), 4);
  EXPECT_DOUBLE_EQ(summary.number(1, "loss_mean"), 2.5);
}

TEST(Quartiles, LeaveEmptyCellsOut) {
  auto const summary = report::quartiles_by(values_by_round(), "by", "round", {"loss"});
  for (auto const* part :
       {"loss_min", "loss_q1", "loss_median", "loss_q3", "loss_max", "loss_mean"})
    EXPECT_DOUBLE_EQ(summary.number(0, part), 7);
  EXPECT_EQ(summary.number(0, "count"), 2);
  EXPECT_TRUE(std::isnan(summary.number(2, "loss_median")));
}

TEST(Histograms, CountEveryValueOnce) {
  Table table{"updates"};
  table.column("seconds", Type::real).column("same", Type::real);
  for (int i = 0; i <= 10; ++i) table.add({static_cast<double>(i), 5.0});
  table.add({empty_cell, empty_cell});
  auto const all = report::histograms(table, "h", {"seconds", "same", "absent"}, 5);
  ASSERT_EQ(all.rows(), 6u);
  std::vector<double> counts;
  for (std::size_t row = 0; row < 5; ++row) counts.push_back(all.number(row, "count"));
  EXPECT_EQ(counts, (std::vector<double>{2, 2, 2, 2, 3}));  // the last bin holds its upper border
  EXPECT_DOUBLE_EQ(all.number(1, "low"), 2);
  EXPECT_DOUBLE_EQ(all.number(4, "high"), 10);
  EXPECT_EQ(all.text(5, "column"), "same");
  EXPECT_EQ(all.number(5, "count"), 11);
}

record::RunRecord run_with(Table table) {
  record::RunRecord run;
  run.command = "federate";
  run.tables = {std::move(table)};
  return run;
}

Table const& table_of(report::PageTables const& shown, std::string const& name) {
  for (auto const& table : shown.tables)
    if (table.name() == name) return table;
  throw std::runtime_error{"no table " + name};
}

TEST(PageTables, UpdatesThatAreCarriedOverTellNoRealTime) {
  Table table{"updates"};
  table.column("round", Type::integer).column("fate", Type::text);
  table.column("loss", Type::real).column("real_seconds", Type::real);
  table.add({std::int64_t{1}, "full", 0.5, 0.25});
  table.add({std::int64_t{1}, "carried", 1.5, 0.0});
  auto const shown = report::page_tables(run_with(table));
  auto const& by_round = table_of(shown, "updates_by_round");
  EXPECT_EQ(by_round.number(0, "real_seconds_min"), 0.25);
  EXPECT_EQ(by_round.number(0, "loss_max"), 1.5);
}

TEST(PageTables, OfCombinersWholeRoundsStay) {
  Table table{"combiner_rounds"};
  table.column("round", Type::integer).column("combiner", Type::integer);
  for (std::int64_t round = 1; round <= 12; ++round)
    for (std::int64_t combiner : {1, 2}) table.add({round, combiner});
  auto const shown = report::page_tables(run_with(table), 16);
  auto const& kept = table_of(shown, "combiner_rounds");
  ASSERT_EQ(kept.rows(), 8u);
  for (std::size_t row = 0; row < kept.rows(); ++row) {
    EXPECT_EQ(kept.number(row, "round"), 1 + 3 * static_cast<double>(row / 2));
    EXPECT_EQ(kept.number(row, "combiner"), static_cast<double>(row % 2 + 1));
  }
  ASSERT_EQ(shown.notes.size(), 1u);
  EXPECT_NE(shown.notes[0].find("one round in 3"), std::string::npos);
}

TEST(PageTables, SmallTablesStayAsTheyAre) {
  Table table{"trials"};
  table.column("trial", Type::integer);
  for (std::int64_t i = 0; i < 5; ++i) table.add({i});
  auto const shown = report::page_tables(run_with(table), 5);
  ASSERT_EQ(shown.tables.size(), 1u);
  EXPECT_EQ(shown.tables[0], table);
  EXPECT_TRUE(shown.notes.empty());
}

TEST(PageTables, LargeTablesAreCutAndSayIt) {
  for (auto const* name : {"steps", "tasks"}) {
    Table table{name};
    table.column("step", Type::integer);
    for (std::int64_t i = 0; i < 100; ++i) table.add({i});
    auto const shown = report::page_tables(run_with(table), 10);
    ASSERT_EQ(shown.notes.size(), 1u) << name;
    EXPECT_NE(shown.notes[0].find("100 rows"), std::string::npos) << shown.notes[0];
    auto const& kept = shown.tables.at(0);
    EXPECT_LE(kept.rows(), 11u) << name;
    bool const is_tasks = std::string{name} == "tasks";
    EXPECT_EQ(kept.number(1, "step"), is_tasks ? 1 : 10) << name;
    EXPECT_EQ(kept.number(kept.rows() - 1, "step"), is_tasks ? 9 : 99) << name;
  }
}

/// Three rounds of two clients; the second client never sends anything.
Table updates() {
  Table table{"updates"};
  table.column("round", Type::integer).column("fate", Type::text).column("steps", Type::integer);
  table.column("norm", Type::real).column("staleness", Type::integer);
  table.column("virtual_begin", Type::real).column("virtual_end", Type::real);
  for (std::int64_t round = 1; round <= 3; ++round) {
    auto const now = static_cast<double>(round);
    table.add({round, "full", std::int64_t{5}, now, std::int64_t{2}, now, now + 0.5});
    table.add({round, "late", std::int64_t{0}, 0.0, std::int64_t{0}, now, now + 9.5});
  }
  return table;
}

TEST(PageTables, UpdatesAreSummarisedFromAllRows) {
  auto const shown = report::page_tables(run_with(updates()), 4 * 7);  // room for two rounds
  EXPECT_EQ(table_of(shown, "updates").rows(), 4u);
  EXPECT_EQ(table_of(shown, "updates").number(0, "round"), 2);
  auto const& by_round = table_of(shown, "updates_by_round");
  ASSERT_EQ(by_round.rows(), 3u);
  EXPECT_EQ(by_round.number(0, "norm_min"), 1) << "who sent nothing has no norm";
  EXPECT_EQ(by_round.number(0, "staleness_min"), 2);
  EXPECT_EQ(by_round.number(0, "trip_seconds_min"), 0.5);
  EXPECT_EQ(by_round.number(0, "trip_seconds_max"), 9.5);
  EXPECT_EQ(by_round.number(2, "fate_full"), 1);
  EXPECT_EQ(by_round.number(2, "fate_late"), 1);
  EXPECT_GT(table_of(shown, "updates_histogram").rows(), 0u);
}

TEST(PageTables, ARoundThatDoesNotFitIsShownAllTheSame) {
  auto const shown = report::page_tables(run_with(updates()), 1);
  EXPECT_EQ(table_of(shown, "updates").rows(), 2u);
  EXPECT_EQ(table_of(shown, "updates").number(0, "round"), 3);
}

}  // namespace
