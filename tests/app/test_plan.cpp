#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/app/plan.hpp"
#include "canopy/core/error.hpp"
#include "canopy/nn/network.hpp"

#include "calibration.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using record::RunRecord;

/// Files of one test.
class Folder {
 public:
  Folder()
      : path_{fs::path{testing::TempDir()} /
              testing::UnitTest::GetInstance()->current_test_info()->name()} {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;

  std::string file(std::string const& name) const { return (path_ / name).string(); }
  std::string write(std::string const& name, RunRecord const& run) const {
    record::write(run, file(name));
    return file(name);
  }

 private:
  fs::path path_;
};

Table links_table(std::vector<std::string> const& links) {
  using Type = Table::Type;
  Table table{"links"};
  table.column("link", Type::text).column("ways", Type::text);
  table.column("bytes", Type::integer).column("seconds", Type::real);
  for (auto const& link : links)
    for (auto const* ways : {"one", "both"})
      for (std::int64_t const bytes : {0, 1'000'000})
        table.add({link, ways, bytes, 1e-5 + 1e-9 * static_cast<double>(bytes)});
  return table;
}

/// Two dense layers, 64 - 64 - 64: 8,320 parameters. All that goes over rows takes a microsecond
/// for each, so a pass takes seven: input, loss, two forward, one backward, two weights.
Table small_models() {
  using Type = Table::Type;
  nn::Network const network{nn::architecture("mlp:64", {64, 1, 1}, 64)};
  Table table{"models"};
  table.column("model", Type::text);
  for (auto const* name : {"channels", "height", "width", "classes", "optimizer_states"})
    table.column(name, Type::integer);
  table.column("layers", Type::text);
  std::int64_t const one = 1;
  std::int64_t const width = 64;
  table.add({"mlp:64", width, one, one, width, one, nn::to_toml(network.architecture())});
  return table;
}

Table small_kernels() {
  std::vector<KernelTime> kernels;
  auto const add = [&](char const* kernel, char const* model, int layer, double amount,
                       double seconds) {
    kernels.push_back({kernel, model, layer, amount, "", {seconds, seconds, seconds}});
  };
  for (double const rows : {16.0, 32.0}) {
    for (auto const* kernel : {"input", "loss"}) add(kernel, "mlp:64", 0, rows, 1e-6 * rows);
    for (int layer : {1, 2})
      for (auto const* kernel : {"forward", "weights"})
        add(kernel, "mlp:64", layer, rows, 1e-6 * rows);
    add("backward", "mlp:64", 2, rows, 1e-6 * rows);
  }
  add("update", "mlp:64", 0, 8320, 8.32e-6);
  add("aggregate", "mlp:64", 0, 8320, 1e-5);
  add("merge", "mlp:64", 0, 8320, 2e-5);
  add("tree", "forest", 0, 1000, 0.5);
  add("add", "", 0, 1e6, 1e-4);
  add("task", "", 0, 1, 1e-3);
  return kernels_table(kernels);
}

RunRecord small_calibration(std::vector<std::string> const& links = {"within", "between"}) {
  RunRecord run;
  run.command = "calibrate";
  run.np = 2;
  run.tables = {links_table(links), small_kernels(), small_models()};
  return run;
}

PlanSettings settings_for(Folder const& folder, std::string const& calibration) {
  PlanSettings settings;
  settings.calibration = calibration;
  settings.model = "mlp:64";
  settings.train_rows = 6400;  // 100 updates of 4 shards of 16 rows
  settings.np = {1, 2};
  settings.common.out = folder.file("plan.h5");
  settings.common.quiet = true;
  return settings;
}

constexpr double pass = 16 * 7e-6;
constexpr double bytes = 4 * 8320;
constexpr double update = 8.32e-6;
constexpr double alone =
    4 * pass + bytes * 1e-10 + update;  // one addition of the tree is no part of a pass
constexpr double sums = 2 * (1e-5 + 1e-9 * bytes / 2) + 1e-10 * bytes / 2;

TEST(Plan, GivesTheExactNumbersOfAHandMadeCalibration) {
  Folder const folder;
  auto settings = settings_for(folder, folder.write("cal.h5", small_calibration()));
  auto const record = run(settings);
  auto const& plan = *record.table("plan");
  ASSERT_EQ(plan.rows(), 2u);
  EXPECT_EQ(plan.text(0, "layout"), "data");
  EXPECT_NEAR(plan.number(0, "seconds"), 100 * alone, 1e-9);
  EXPECT_NEAR(plan.number(0, "speed_up"), 1, 1e-12);
  auto const two = 2 * pass + update + sums;
  EXPECT_NEAR(plan.number(1, "seconds"), 100 * two, 1e-9);
  EXPECT_NEAR(plan.number(1, "efficiency"), alone / two / 2, 1e-9);
  EXPECT_NEAR(plan.number(1, "exposed_comm"), sums / two, 1e-9);
  EXPECT_NEAR(plan.number(1, "compute") + plan.number(1, "exposed_comm") + plan.number(1, "idle"),
              1, 1e-12);
  EXPECT_EQ(plan.number(1, "nodes"), 1);
  auto const read = record::read(settings.common.out);
  ASSERT_NE(read.table("plan"), nullptr);
  EXPECT_EQ(*read.table("plan"), plan) << "the run file has what was returned";
}

TEST(Plan, PutsRanksOnMachines) {
  Folder const folder;
  auto settings = settings_for(folder, folder.write("cal.h5", small_calibration()));
  settings.ranks_per_node = 1;
  settings.network_latency = 0;
  settings.network_bandwidth = 1e6;
  auto const record = run(settings);
  auto const& plan = *record.table("plan");
  EXPECT_EQ(plan.number(1, "nodes"), 2);
  EXPECT_NEAR(plan.number(1, "seconds"),
              100 * (2 * pass + update + 2 * bytes / 2 * 1e-6 + 1e-10 * bytes / 2), 1e-9);
}

TEST(Plan, DealsTrees) {
  Folder const folder;
  auto settings = settings_for(folder, folder.write("cal.h5", small_calibration()));
  settings.layout = {"trees"};
  settings.train_rows = 2000;
  settings.trees = 5;
  auto const record = run(settings);
  EXPECT_NEAR(record.table("plan")->number(0, "seconds"), 5.0, 1e-12);
  EXPECT_NEAR(record.table("plan")->number(1, "seconds"), 3.0, 1e-12);
}

TEST(Plan, PredictsRounds) {
  Folder const folder;
  auto settings = settings_for(folder, folder.write("cal.h5", small_calibration()));
  settings.command = "federate";
  settings.clients = 4;
  settings.client_rows = 64;
  auto const record = run(settings);
  auto const messages = 2e-5 + 3 * bytes * 1e-9;  // the model down, a sum of eight bytes each up
  EXPECT_NEAR(record.table("plan")->number(1, "seconds"),
              10 * (4 * (alone + 1e-5) + messages + 2e-5), 1e-9);
}

TEST(Plan, SchedulesTasks) {
  Folder const folder;
  auto settings = settings_for(folder, folder.write("cal.h5", small_calibration()));
  settings.command = "tune";
  settings.np = {1, 3};
  auto const equal = run(settings);
  EXPECT_NEAR(equal.table("plan")->number(0, "seconds"), 50 + 1e-3, 1e-9);
  EXPECT_NEAR(equal.table("plan")->number(1, "seconds"), 25 + 2e-3, 1e-9);
  EXPECT_NEAR(equal.table("plan")->number(1, "efficiency"), 1, 1e-3) << "of two that compute";

  Table tasks{"tasks"};
  tasks.column("started", Table::Type::real).column("finished", Table::Type::real);
  tasks.add({4.0, 5.0});  // the last one to begin
  tasks.add({0.0, 1.0});
  tasks.add({1.0, 4.0});
  RunRecord search;
  search.command = "tune";
  search.tables = {tasks};
  settings.tasks_of = folder.write("search.h5", search);
  settings.common.overwrite = true;
  EXPECT_NEAR(run(settings).table("plan")->number(1, "seconds"), 3 + 2e-3, 1e-9);
}

TEST(Plan, StandsBesideWhatWasMeasured) {
  Folder const folder;
  Table scaling{"scaling"};
  scaling.column("command", Table::Type::text);
  scaling.column("np", Table::Type::integer).column("nodes", Table::Type::integer);
  scaling.column("wall_seconds", Table::Type::real).column("fit_seconds", Table::Type::real);
  std::int64_t const one = 1;
  for (double const seconds : {100 * alone, 110 * alone, 80 * alone})
    scaling.add({"train", one, one, 7.0, seconds});
  RunRecord study;
  study.command = "scaling";
  study.tables = {scaling};
  auto settings = settings_for(folder, folder.write("cal.h5", small_calibration()));
  settings.measured = folder.write("scaling.h5", study);
  auto const record = run(settings);
  auto const& measured = *record.table("measured");
  ASSERT_EQ(measured.rows(), 1u);
  EXPECT_NEAR(measured.number(0, "predicted"), 100 * alone, 1e-9);
  EXPECT_NEAR(measured.number(0, "measured"), 100 * alone, 1e-9) << "the median, of the fit alone";
  EXPECT_NEAR(measured.number(0, "relative_error"), 0, 1e-9);
  EXPECT_NEAR(measured.number(0, "most"), 110 * alone, 1e-9);
}

TEST(Plan, TakesTheMedianOfEvenNumbersInTheMiddle) {
  EXPECT_EQ(spread_of({4, 1, 3, 2}).median, 2.5);
  EXPECT_EQ(spread_of({4, 1, 3}).median, 3);
  EXPECT_EQ(spread_of({4, 1, 3}).least, 1);
  EXPECT_EQ(spread_of({4, 1, 3}).most, 4);
}

/// What the planner says when it refuses.
std::string complaint(PlanSettings const& settings) {
  try {
    run(settings);
  } catch (UserError const& e) {
    return e.what();
  }
  return "";
}

TEST(Plan, SaysWhatIsWrong) {
  using testing::AllOf;
  using testing::HasSubstr;
  Folder const folder;
  auto const file = folder.write("cal.h5", small_calibration({"within"}));
  auto const settings = settings_for(folder, file);
  auto other = settings;
  other.calibration = "";
  EXPECT_THAT(complaint(other), HasSubstr("canopy plan CALIBRATION.h5"));
  other.calibration = folder.file("nowhere.h5");
  EXPECT_THAT(complaint(other), HasSubstr("nowhere.h5"));
  RunRecord run_of_train;
  run_of_train.command = "train";
  other.calibration = folder.write("train.h5", run_of_train);
  EXPECT_THAT(complaint(other), AllOf(HasSubstr("train.h5"), HasSubstr("canopy calibrate")));
  other = settings;
  other.layout = {"pipeline"};
  other.np = {3};
  EXPECT_THAT(complaint(other), AllOf(HasSubstr("--stages is 3"), HasSubstr("2 layers")));
  other.layout = {"hybrid"};
  EXPECT_THAT(complaint(other), HasSubstr("2 stages on 3 ranks"));
  other.layout = {"flat"};
  EXPECT_THAT(complaint(other), AllOf(HasSubstr("flat"), HasSubstr("data, pipeline")));
  other = settings;
  other.ranks_per_node = 1;
  EXPECT_THAT(complaint(other),
              AllOf(HasSubstr("between machines"), HasSubstr("--network-bandwidth")));
  other = settings;
  other.model = "mlp:65";
  EXPECT_THAT(complaint(other), HasSubstr("did you mean 'mlp:64'?"));
  other = settings;
  other.measured = file;
  EXPECT_THAT(complaint(other), HasSubstr("canopy scaling collect"));
  RunRecord weak;
  weak.command = "scaling";
  weak.settings = "growth = \"weak\"\n";
  weak.tables = {Table{"scaling"}.column("command", Table::Type::text)};
  weak.tables.back().add({std::string{"train"}});
  other.measured = folder.write("weak.h5", weak);
  EXPECT_THAT(complaint(other), AllOf(HasSubstr("weak.h5"), HasSubstr("strong scaling")));
  EXPECT_FALSE(fs::exists(settings.common.out)) << "a refused plan leaves no file";
}

}  // namespace
}  // namespace canopy::app
