#include <cmath>

#include <gmock/gmock.h>

#include "canopy/report/scaling.hpp"

#include "support/complaint.hpp"

namespace canopy::report {
namespace {

using canopy::test::complaint;
using ::testing::HasSubstr;

std::vector<ScalingPoint> points_of(double (*seconds)(double), std::vector<double> const& sizes) {
  std::vector<ScalingPoint> points;
  for (auto const size : sizes) points.push_back({size, seconds(size)});
  return points;
}

TEST(ScalingFits, RecoverTheLawThatMadeThePoints) {
  auto const amdahl =
      fit_amdahl(points_of([](double p) { return 100 * (0.05 + 0.95 / p); }, {1, 2, 4, 8}));
  EXPECT_NEAR(amdahl.one, 100, 1e-9);
  EXPECT_NEAR(amdahl.serial, 0.05, 1e-12);
  EXPECT_NEAR(amdahl.error, 0, 1e-12);
  EXPECT_NEAR(amdahl.seconds_at(16), 100 * (0.05 + 0.95 / 16), 1e-9);

  auto const usl = fit_usl(
      points_of([](double p) { return 50 * (1 + 0.03 * (p - 1) + 0.002 * p * (p - 1)) / p; },
                {1, 2, 3, 5, 8, 13}));
  EXPECT_NEAR(usl.one, 50, 1e-9);
  EXPECT_NEAR(usl.serial, 0.03, 1e-10);
  EXPECT_NEAR(usl.coherence, 0.002, 1e-10);

  auto const gustafson =
      fit_gustafson(points_of([](double p) { return 80 / (p - 0.07 * (p - 1)); }, {1, 2, 4, 8}));
  EXPECT_NEAR(gustafson.one, 80, 1e-9);
  EXPECT_NEAR(gustafson.serial, 0.07, 1e-12);
  EXPECT_NEAR(gustafson.error, 0, 1e-12);
  EXPECT_NEAR(gustafson.seconds_at(16), 80 / (16 - 0.07 * 15), 1e-9);
}

TEST(ScalingFits, NeverHaveNegativeParts) {
  auto const quicker_than_ideal =
      points_of([](double p) { return 100 / std::pow(p, 1.1); }, {1, 2, 4, 8});
  auto const amdahl = fit_amdahl(quicker_than_ideal);
  EXPECT_EQ(amdahl.serial, 0);
  EXPECT_GT(amdahl.error, 0.01) << "and tell how far off they are";
  EXPECT_EQ(fit_gustafson(quicker_than_ideal).serial, 0);
  auto const usl = fit_usl(quicker_than_ideal);
  EXPECT_GE(usl.serial, 0);
  EXPECT_GE(usl.coherence, 0);
}

TEST(ScalingFits, WantEnoughSizes) {
  auto const same = points_of([](double) { return 1.0; }, {2, 2, 2});
  EXPECT_THAT(complaint([&] { fit_amdahl(same); }), HasSubstr("two sizes"));
  EXPECT_THAT(complaint([&] { fit_gustafson(same); }), HasSubstr("two sizes"));
  auto const two = points_of([](double p) { return 1 / p; }, {1, 2});
  EXPECT_THAT(complaint([&] { fit_usl(two); }), HasSubstr("three sizes"));
}

TEST(KarpFlatt, IsAmdahlsFractionWhereAmdahlHolds) {
  for (double const p : {2.0, 3.0, 10.0})
    EXPECT_NEAR(karp_flatt(1 / (0.1 + 0.9 / p), p), 0.1, 1e-12);
  EXPECT_TRUE(std::isnan(karp_flatt(1, 1)));
}

record::RunRecord run_of(int np, double seconds, double score = 0.5) {
  record::RunRecord run;
  run.command = "tune";
  run.np = np;
  run.nodes = std::max(1, np - 1);
  run.wall_seconds = seconds;
  run.settings = "trials = 5\nout = \"" + std::to_string(np) + ".h5\"\n";
  run.tables.push_back(Table{"trials"}.column("mean_test_score", Table::Type::real));
  run.tables.back().add({score});
  run.tables.push_back(Table{"phases"}
                           .column("name", Table::Type::text)
                           .column("begin", Table::Type::real)
                           .column("end", Table::Type::real));
  run.tables.back().add({"search", 1.0, seconds});
  run.tables.push_back(Table{"ranks"}
                           .column("busy_seconds", Table::Type::real)
                           .column("idle_seconds", Table::Type::real)
                           .column("comm_seconds", Table::Type::real));
  run.tables.back().add({3.0, 0.5, 0.5});
  return run;
}

TEST(ScalingTable, ComparesWithTheSmallestSize) {
  auto const table = scaling_table({run_of(4, 40), run_of(2, 100), run_of(2, 104), run_of(3, 60)},
                                   {"d", "a", "b", "c"}, Scale::workers, Growth::strong);
  ASSERT_EQ(table.rows(), 4u);
  EXPECT_EQ(table.text(0, "run"), "a");
  EXPECT_EQ(table.number(1, "repeat"), 1);
  EXPECT_EQ(table.number(3, "size"), 3) << "rank 0 of a search coordinates";
  EXPECT_DOUBLE_EQ(table.number(3, "speed_up"), 102.0 / 40);
  EXPECT_DOUBLE_EQ(table.number(3, "efficiency"), 102.0 / 120);
  EXPECT_DOUBLE_EQ(table.number(0, "busy"), 0.75);
  EXPECT_DOUBLE_EQ(table.number(2, "search_seconds"), 59);
  EXPECT_EQ(table.text(0, "result"), table.text(3, "result"));
  EXPECT_EQ(fits_table(table, Growth::strong).rows(), 2u);
  EXPECT_EQ(scaling_table({run_of(2, 9)}, {"a"}, Scale::np, Growth::strong, {"b"}).text(0, "run"),
            "b")
      << "a study may call its runs otherwise than the user did";
}

record::RunRecord grown_run(int np, double seconds, std::string const& settings) {
  auto run = run_of(np, seconds);
  run.settings = settings + "\nseed = 1\nout = \"" + std::to_string(np) + ".h5\"\n";
  return run;
}

TEST(ScalingTable, WeakScalingComparesTimesOfEqualWorkEach) {
  auto const table =
      scaling_table({grown_run(2, 100, "trials = 4"), grown_run(3, 125, "trials = 8")}, {"a", "b"},
                    Scale::workers, Growth::weak);
  EXPECT_DOUBLE_EQ(table.number(1, "efficiency"), 0.8);
  EXPECT_DOUBLE_EQ(table.number(1, "speed_up"), 1.6);
  EXPECT_DOUBLE_EQ(table.number(1, "karp_flatt"), 0.25);
}

TEST(ScalingTable, LawsOfWeakScalingAreAboutOneSizesWork) {
  // Scaled speed-up by Gustafson with a serial share of 0.1: 1, 1.9 and 3.7 times the work in time.
  auto const table =
      scaling_table({grown_run(2, 90, "trials = 4"), grown_run(3, 90 * 2 / 1.9, "trials = 8"),
                     grown_run(5, 90 * 4 / 3.7, "trials = 16")},
                    {"a", "b", "c"}, Scale::workers, Growth::weak);
  EXPECT_DOUBLE_EQ(table.number(2, "speed_up"), 3.7);
  auto const fits = fits_table(table, Growth::weak);
  ASSERT_EQ(fits.rows(), 3u);
  EXPECT_EQ(fits.text(2, "law"), "gustafson");
  EXPECT_NEAR(fits.number(2, "one_seconds"), 90, 1e-9);
  EXPECT_NEAR(fits.number(2, "serial"), 0.1, 1e-12);
  EXPECT_EQ(fits_table(table, Growth::strong).rows(), 2u) << "which Gustafson says nothing about";
}

TEST(ScalingTable, WeakScalingWantsWorkThatGrowsAsTheSizeDoes) {
  auto const refused = [](int np, std::string const& one, std::string const& other) {
    return complaint([&] {
      scaling_table({grown_run(2, 100, one), grown_run(np, 100, other)}, {"a.h5", "b.h5"},
                    Scale::workers, Growth::weak);
    });
  };
  EXPECT_EQ(refused(3, "rounds = 5\nclients = \"100\"", "rounds = 5\nclients = \"200\""), "none");
  EXPECT_EQ(refused(4, "lr = 0.1", "lr = 0.3"), "none") << "0.1 * 3 is not quite 0.3";
  EXPECT_EQ(refused(3, "data = \"x,rows=50\"", "data = \"x,rows=100\""), "none");
  EXPECT_EQ(refused(3, "data = \"half.csv\"", "data = \"all.csv\""), "none");
  EXPECT_THAT(refused(3, "data = \"x,rows=50\"", "data = \"x,rows=99\""),
              HasSubstr("a.h5 has `data = \"x,rows=50\"` with size 1, b.h5 has `data = "
                        "\"x,rows=99\"` with size 2; expected 2 times the number"));
  EXPECT_THAT(refused(2, "trials = 4", "trials = 8"),
              HasSubstr("expected the same settings with the same size"));
  EXPECT_THAT(refused(3, "model = \"mlp\"", "model = \"cnn\""), HasSubstr("nothing else"));
  EXPECT_THAT(refused(3, "trials = 4", "trials = 4"),
              HasSubstr("did the same work with sizes 1 and 2; say --growth strong"));
  EXPECT_THAT(refused(3, "trials = 4", "trials = 8\n[space]"), HasSubstr("differ in their spaces"));
}

TEST(ScalingTable, RunsThatShouldFindTheSameAreCompared) {
  auto const agree = [](double second, double third, Growth growth) {
    Table table{"scaling"};
    table.column("size", Table::Type::real).column("result", Table::Type::text);
    table.add({1.0, std::string{"a"}});
    table.add({second, std::string{"a"}});
    table.add({third, std::string{"b"}});
    return results_agree(table, growth);
  };
  EXPECT_FALSE(agree(1, 2, Growth::strong));
  EXPECT_TRUE(agree(1, 2, Growth::weak)) << "more work finds something else";
  EXPECT_FALSE(agree(2, 2, Growth::weak));
}

TEST(ScalingTable, ARunThatFoundSomethingElseIsTold) {
  auto const table =
      scaling_table({run_of(2, 100), run_of(3, 60, 0.6)}, {"a", "b"}, Scale::np, Growth::strong);
  EXPECT_NE(table.text(0, "result"), table.text(1, "result"));
}

TEST(ScalingTable, RefusesWhatIsNoStudy) {
  auto const refused = [](record::RunRecord const& other) {
    return complaint([&] {
      scaling_table({run_of(2, 100), other}, {"a.h5", "b.h5"}, Scale::np, Growth::strong);
    });
  };
  auto other = run_of(3, 60);
  other.status = "interrupted";
  EXPECT_THAT(refused(other), HasSubstr("b.h5: the run is interrupted"));
  other = run_of(3, 60);
  other.command = "train";
  EXPECT_THAT(refused(other), HasSubstr("a study has one command"));
  for (auto const* command : {"scaling", "calibrate", "plan"}) {
    other.command = command;
    EXPECT_THROW(scaling_table({other}, {"c.h5"}, Scale::np, Growth::strong), DataError);
    EXPECT_THAT(refused(other),
                HasSubstr(std::string{"b.h5: is of canopy "} + command + ", which"));
  }
  other = run_of(3, 60);
  other.settings = "trials = 6\n";
  EXPECT_THAT(refused(other), HasSubstr("different settings"));
}

}  // namespace
}  // namespace canopy::report
