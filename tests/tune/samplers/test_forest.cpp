#include <cmath>

#include <gmock/gmock.h>

#include "canopy/tune/sampler.hpp"

namespace canopy::tune {
namespace {

/// A hill at (0.7, 0.7) seen at 60 places.
struct ForestProposals : ::testing::Test {
  Space space = Space::from_toml_text(
      "x = { type = 'float', low = 0, high = 1 }\ny = { type = 'float', low = 0, high = 1 }");
  std::vector<Observation> earlier;

  ForestProposals() {
    auto const sobol = samplers().make("sobol", {space, Key{9}, 60});
    for (int i = 0; i < 60; ++i) {
      auto const place = sobol->propose(i, {}).value();
      earlier.push_back({place, -off(place)});
    }
  }
  /// Distance from the top.
  static double off(Configuration const& c) {
    return std::hypot(*text::to_double(c[0].second) - 0.7, *text::to_double(c[1].second) - 0.7);
  }
  Configuration propose(int index, Pending pending = Pending::liar) const {
    SamplerSettings settings{space, Key{1}, 100};
    settings.pending = pending;
    return samplers().make("forest", settings)->propose(index, earlier).value();
  }
};

TEST_F(ForestProposals, AreNearTheTopAndEveryFifthIsAnywhere) {
  double searched = 0;
  double random = 0;
  for (int i = 60; i < 160; ++i) (i % 5 == 4 ? random : searched) += off(propose(i));
  EXPECT_LT(searched / 80, 0.2);
  EXPECT_GT(random / 20, 0.3);
}

/// Lies that are expected make the forest sure of their surroundings.
TEST_F(ForestProposals, KeepAwayFromPendingTrialsUnlessTold) {
  for (int i = 0; i < 12; ++i) earlier.push_back({propose(60 + i + i / 4, Pending::ignore), {}});
  auto const distance = [&](Pending pending) {
    double sum = 0;
    for (int i = 100; i < 104; ++i) {
      auto const next = propose(i, pending);
      double nearest = 1;
      for (auto const& trial : earlier)
        if (!trial.score)
          nearest =
              std::min(nearest, std::hypot(*text::to_double(next[0].second) -
                                               *text::to_double(trial.configuration[0].second),
                                           *text::to_double(next[1].second) -
                                               *text::to_double(trial.configuration[1].second)));
      sum += nearest;
    }
    return sum / 4;
  };
  EXPECT_GT(distance(Pending::liar), distance(Pending::ignore));
}

}  // namespace
}  // namespace canopy::tune
