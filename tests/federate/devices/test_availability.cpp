#include <cmath>

#include <gmock/gmock.h>

#include "canopy/federate/availability.hpp"

#include "support/complaint.hpp"

namespace canopy::federate::test {
namespace {

Key client(int number) {
  return Key{8}.with(static_cast<std::uint64_t>(number));
}

/// Share of `samples` times, `step` apart, at which a client is there.
double share_of(Availability const& availability, Key key, double step, int samples) {
  int there = 0;
  for (int i = 0; i < samples; ++i) there += availability.holds(key, i * step);
  return static_cast<double>(there) / samples;
}

/// Share of 4,000 clients that are there at `time`.
double crowd(Availability const& availability, double time) {
  int there = 0;
  for (int k = 0; k < 4000; ++k) there += availability.holds(client(k), time);
  return there / 4000.0;
}

TEST(Availability, AlwaysIsAlways) {
  auto const availability = Availability::parse("always");
  EXPECT_EQ(share_of(availability, client(0), 12.5, 1000), 1);
  EXPECT_EQ(availability.next(client(0), 3.5), 3.5);
}

TEST(Availability, ShareHoldsOverALongTimeAndAtEachMoment) {
  auto const availability = Availability::parse("share:0.3,100");
  // 20,000 independent intervals; four standard deviations.
  EXPECT_NEAR(share_of(availability, client(1), 100, 20'000), 0.3, 4 * std::sqrt(0.21 / 20'000));
  for (double const time : {0.0, 1e3, 1e6 + 50})
    EXPECT_NEAR(crowd(availability, time), 0.3, 4 * std::sqrt(0.21 / 4000)) << time;
}

TEST(Availability, ShareComesInIntervalsOfTheGivenLength) {
  auto const availability = Availability::parse("share:0.5,100");
  int changes = 0;
  for (int i = 1; i < 100'000; ++i)
    changes += availability.holds(client(2), i) != availability.holds(client(2), i - 1);
  // Half of the 1000 boundaries between intervals are changes.
  EXPECT_NEAR(changes, 500, 4 * std::sqrt(250.0));
  EXPECT_EQ(Availability::parse("share:0.5").holds(client(2), 1234.5),
            Availability::parse("share:0.5,600").holds(client(2), 1234.5));
}

TEST(Availability, DiurnalIsOneStretchOfEachPeriod) {
  auto const availability = Availability::parse("diurnal:86400,0.25");
  for (int k = 0; k < 20; ++k) {
    EXPECT_NEAR(share_of(availability, client(k), 60, 1440 * 7), 0.25, 1e-3);
    int changes = 0;
    for (int i = 1; i <= 1440 * 7; ++i)
      changes +=
          availability.holds(client(k), i * 60) != availability.holds(client(k), i * 60 - 60);
    EXPECT_NEAR(changes, 14, 1) << "seven days, on and off";
  }
}

TEST(Availability, DiurnalCrowdsComeAndGo) {
  auto const availability = Availability::parse("diurnal:86400,0.25");
  // Stretches begin by the triangular law over the period: of those on at 5/8 of it, all have begun
  // in 3/8 .. 5/8, which holds 7/16 of the law; of those on at its end, in 3/4 .. 1, 1/8.
  auto const tolerance = 4 * std::sqrt(0.25 / 4000);
  EXPECT_NEAR(crowd(availability, 86400 * 5.0 / 8), 7.0 / 16, tolerance);
  EXPECT_NEAR(crowd(availability, 86400), 1.0 / 8, tolerance);
}

TEST(Availability, NextIsTheFirstTimeFromThereOn) {
  for (auto const* text : {"share:0.2,100", "diurnal:1000,0.2", "share:1", "diurnal:50,1"}) {
    auto const availability = Availability::parse(text);
    for (int k = 0; k < 50; ++k)
      for (double const time : {0.0, 17.25, 1000.0, 123456.75}) {
        auto const next = availability.next(client(k), time);
        ASSERT_GE(next, time);
        ASSERT_TRUE(availability.holds(client(k), next)) << text;
        if (next == time) continue;
        for (int i = 0; i < 100; ++i)
          ASSERT_FALSE(availability.holds(client(k), time + (next - time) * i / 100)) << text;
      }
  }
}

TEST(Availability, BadNotationIsExplained) {
  using testing::HasSubstr;
  auto const says = [](std::string const& text) {
    return canopy::test::complaint([&] { Availability::parse(text); });
  };
  EXPECT_THAT(says("alway"), HasSubstr("expected always, share:P[,SECONDS] or diurnal:PERIOD,SHARE "
                                       "(did you mean 'always'?)"));
  EXPECT_THAT(says("share:1.5"), HasSubstr("--availability is 'share:1.5', expected share:P"));
  EXPECT_THAT(says("diurnal:0,0.5"), HasSubstr("PERIOD (seconds) more than 0"));
  for (auto const* text : {"share", "share:0", "share:0.5,0", "share:0.5,1,2", "diurnal:10",
                           "diurnal:10,0", "always:1", "share:x", ""})
    EXPECT_THAT(says(text), HasSubstr("--availability is '" + std::string{text} + "'"));
}

}  // namespace
}  // namespace canopy::federate::test
