#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "canopy/federate/devices.hpp"

#include "support/complaint.hpp"

namespace canopy::federate::test {
namespace {

using testing::HasSubstr;

TEST(Devices, ATripIsLatencyBytesAndSamples) {
  Devices const devices{
      {.compute = "0.002", .download = "16", .upload = "4", .latency = 0.5}, 10, Key{1}};
  auto const trip = devices.trip(3, 7, 600 * 5, 1e6, 2e6);
  EXPECT_DOUBLE_EQ(trip.download, 0.5 + 8.0 / 16);
  EXPECT_DOUBLE_EQ(trip.train, 6);
  EXPECT_DOUBLE_EQ(trip.upload, 0.5 + 16.0 / 4);
  EXPECT_DOUBLE_EQ(trip.total(), 1 + 6 + 4.5);
  EXPECT_FALSE(trip.drops);
}

TEST(Devices, ProfilesAreDrawnByClientAndPurpose) {
  DeviceOptions const options{
      .compute = "lognormal:1,1", .download = "lognormal:1,1", .upload = "lognormal:1,1"};
  Devices const devices{options, 1000, Key{1}};
  Devices const fewer{options, 10, Key{1}};
  Devices const other{options, 1000, Key{2}};
  int below = 0;
  for (int k = 0; k < 1000; ++k) {
    auto const device = devices.profile(k);
    below += device.compute < 1;
    EXPECT_NE(device.compute, device.download);
    EXPECT_NE(device.download, device.upload);
    EXPECT_NE(device.compute, other.profile(k).compute);
    EXPECT_NE(device.compute, devices.profile((k + 1) % 1000).compute);
  }
  EXPECT_NEAR(below, 500, 4 * std::sqrt(250.0));
  for (int k = 9; k >= 0; --k) EXPECT_EQ(fewer.profile(k), devices.profile(k));
}

TEST(Devices, TheSlowestOfACohortIsItsOrderStatistic) {
  // Of m uniform times on (0, 1) the greatest has mean m/(m+1) and variance m/((m+1)^2 (m+2)).
  Devices const devices{{.compute = "uniform:1e-9,1", .latency = 0}, 40'000, Key{4}};
  constexpr int m = 10, rounds = 4000;
  double sum = 0;
  for (int round = 0; round < rounds; ++round) {
    double slowest = 0;
    for (int i = 0; i < m; ++i)
      slowest = std::max(slowest, devices.trip(round * m + i, round, 1, 0, 0).total());
    sum += slowest;
  }
  EXPECT_NEAR(sum / rounds, 10.0 / 11, 4 * std::sqrt(10.0 / (121 * 12) / rounds));
}

TEST(Devices, DropOutHasItsShareInEveryRoundAndForEveryClient) {
  Devices const devices{{.dropout = 0.2}, 5000, Key{5}};
  auto const expect_share = [](double drops, double n) {
    EXPECT_NEAR(drops / n, 0.2, 4 * std::sqrt(0.16 / n));
  };
  double lost = 0, moments = 0;
  for (int k = 0; k < 5000; ++k) {
    auto const trip = devices.trip(k, 3, 100, 1e6, 1e6);
    if (!trip.drops) continue;
    ++lost;
    moments += trip.dropped_after / trip.total();
    ASSERT_TRUE(0 <= trip.dropped_after && trip.dropped_after < trip.total());
  }
  expect_share(lost, 5000);
  EXPECT_NEAR(moments / lost, 0.5, 4 * std::sqrt(1 / 12.0 / lost)) << "uniform over the trip";
  lost = 0;
  for (int round = 0; round < 5000; ++round) lost += devices.trip(17, round, 100, 1e6, 1e6).drops;
  expect_share(lost, 5000);
}

TEST(Devices, NothingDependsOnTheOrderOfCalls) {
  DeviceOptions const options{
      .compute = "pareto:0.001,2", .availability = "share:0.5", .dropout = 0.5};
  Devices const a{options, 100, Key{6}};
  Devices const b{options, 100, Key{6}};
  std::vector<double> forward, backward;
  for (int k = 0; k < 100; ++k) {
    auto const trip = a.trip(k, k % 7, 10, 1, 1);
    forward.insert(forward.end(), {trip.total(), trip.dropped_after, a.next_available(k, 1e4 + k)});
  }
  for (int k = 99; k >= 0; --k) {
    auto const trip = b.trip(k, k % 7, 10, 1, 1);
    backward.insert(backward.begin(),
                    {trip.total(), trip.dropped_after, b.next_available(k, 1e4 + k)});
  }
  EXPECT_EQ(forward, backward);
}

/// A file that is gone at the end of the test.
class TraceFile {
 public:
  explicit TraceFile(std::string const& text)
      : path_{
            std::filesystem::path{testing::TempDir()} /
            (std::string{testing::UnitTest::GetInstance()->current_test_info()->name()} + ".csv")} {
    std::ofstream{path_} << text;
  }
  ~TraceFile() { std::filesystem::remove(path_); }
  TraceFile(TraceFile const&) = delete;
  TraceFile& operator=(TraceFile const&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(Devices, ATraceGivesFedScalesTimes) {
  TraceFile const file{"id,communication,computation\n1,5648.1,162\n2, 1000 ,20\n\n"};
  Devices const devices{{.latency = 0, .device_trace = file.path()}, 5, Key{1}};
  // 3 x samples x ms/sample / 1000 and kbit / (kbit/s), as ClientMetadata has it.
  auto const trip = devices.trip(0, 0, 600, 1e6, 5e5);
  EXPECT_NEAR(trip.train, 3 * 600 * 162 / 1000.0, 1e-9);
  EXPECT_NEAR(trip.download, 8000 / 5648.1, 1e-9);
  EXPECT_NEAR(trip.upload, 4000 / 5648.1, 1e-9);
  EXPECT_EQ(devices.profile(3), devices.profile(1)) << "row k modulo rows";
  EXPECT_NEAR(devices.profile(1).compute, 0.06, 1e-12);
}

TEST(Devices, ABadTraceIsExplained) {
  auto const says = [](std::string const& text) {
    TraceFile const file{text};
    return canopy::test::complaint([&] { Devices({.device_trace = file.path()}, 5, Key{1}); });
  };
  EXPECT_THAT(says("computation,bandwidth\n1,2\n"),
              HasSubstr("line 1: there is no column 'communication', expected"));
  EXPECT_THAT(says("computation,communication\n1,2\n3,fast\n"),
              HasSubstr("line 3: communication is 'fast', expected a number more than 0"));
  EXPECT_THAT(says("computation,communication\n1\n"), HasSubstr("line 2: communication is ''"));
  EXPECT_THAT(says("computation,communication\n0,1\n"), HasSubstr("line 2: computation is '0'"));
  EXPECT_THAT(says("computation,communication\n"), HasSubstr("has no rows"));
  EXPECT_THAT(canopy::test::complaint([] { Devices({.device_trace = "no/such.csv"}, 5, Key{1}); }),
              HasSubstr("--device-trace no/such.csv: there is no such file"));
}

TEST(DeviceOptions, AreCheckedAndHaveARowForEachField) {
  auto const says = [](DeviceOptions const& options) {
    return canopy::test::complaint([&] { options.check(); });
  };
  EXPECT_EQ(says({}), "none");
  EXPECT_THAT(says({.upload = "lots"}), HasSubstr("--upload is 'lots'"));
  EXPECT_THAT(says({.latency = -1}), HasSubstr("--latency is '-1', expected at least 0"));
  EXPECT_THAT(says({.availability = "sometimes"}), HasSubstr("--availability is 'sometimes'"));
  EXPECT_THAT(says({.dropout = 1.5}), HasSubstr("--dropout is '1.5', expected between 0 and 1"));
  DeviceOptions options;
  Options rows;
  options.describe(rows);
  rows.set("compute", "pareto:1,2");
  rows.set("download", "3");
  rows.set("upload", "4");
  rows.set("latency", "5");
  rows.set("availability", "share:0.5");
  rows.set("dropout", "0.25");
  rows.set("device-trace", "x.csv");
  EXPECT_EQ(options, (DeviceOptions{"pareto:1,2", "3", "4", 5, "share:0.5", 0.25, "x.csv"}));
  EXPECT_EQ(rows.rows().size(), 7u);
}

}  // namespace
}  // namespace canopy::federate::test
