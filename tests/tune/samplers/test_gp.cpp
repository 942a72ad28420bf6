#include <cmath>

#include <gmock/gmock.h>

#include "canopy/tune/sampler.hpp"

namespace canopy::tune {
namespace {

double x_of(Configuration const& configuration) {
  return *text::to_double(*find(configuration, "x"));
}

/// A parabola seen at 12 places; the top, at 0.6, is not among them.
struct Gp : ::testing::Test {
  Space space = Space::from_toml_text("x = { type = 'float', low = 0, high = 1 }");
  std::vector<Observation> earlier;

  Gp() {
    for (int i = 0; i < 12; ++i) {
      auto const x = i / 11.0;
      earlier.push_back({{{"x", text::shortest(x)}}, -(x - 0.6) * (x - 0.6)});
    }
  }
  double propose(Pending pending) const {
    SamplerSettings settings{space, Key{1}, 100};
    settings.pending = pending;
    return x_of(samplers().make("gp", settings)->propose(12, earlier).value());
  }
};

TEST_F(Gp, ProposesTheTopOfASmoothFunction) {
  EXPECT_NEAR(propose(Pending::liar), 0.6, 0.02);
}

/// Most of the space is unknown, and to try one place of it once is enough.
TEST_F(Gp, KeepsAwayFromPendingTrialsUnlessTold) {
  for (int i = 0; i < 12; ++i)
    earlier[static_cast<std::size_t>(i)] = {{{"x", text::shortest(0.02 * i)}}, std::sin(0.2 * i)};
  auto const pending = propose(Pending::liar);
  earlier.push_back({{{"x", text::shortest(pending)}}, {}});
  EXPECT_GT(std::abs(propose(Pending::liar) - pending), 0.02);
  EXPECT_GT(std::abs(propose(Pending::fantasies) - pending), 0.02);
  EXPECT_LT(std::abs(propose(Pending::ignore) - pending), 0.002);
}

TEST_F(Gp, DoesNotGoWhereTrialsFail) {
  for (int i = 0; i < 12; ++i) {
    auto const x = 0.5 + i * 0.02;
    earlier.push_back({{{"x", text::shortest(x)}}, {}, true});
  }
  auto const x = propose(Pending::liar);
  EXPECT_TRUE(x < 0.5 || x > 0.72) << x;
}

}  // namespace
}  // namespace canopy::tune
