#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/core/random.hpp"
#include "canopy/train/pipeline/partition.hpp"

namespace canopy::train {
namespace {

double slowest(std::vector<double> const& seconds, std::vector<LayerBlock> const& blocks) {
  double most = 0;
  for (auto const [first, last] : blocks)
    most = std::max(most, std::accumulate(seconds.begin() + first, seconds.begin() + last, 0.0));
  return most;
}

/// By trying all cuts.
double best_of_all(std::vector<double> const& seconds, int first, int stages) {
  auto const layers = static_cast<int>(seconds.size());
  double sum = 0;
  if (stages == 1) return std::accumulate(seconds.begin() + first, seconds.end(), 0.0);
  auto best = std::numeric_limits<double>::infinity();
  for (int last = first + 1; last <= layers - (stages - 1); ++last) {
    sum += seconds[static_cast<std::size_t>(last - 1)];
    best = std::min(best, std::max(sum, best_of_all(seconds, last, stages - 1)));
  }
  return best;
}

TEST(CutLayers, IsAsGoodAsTryingAllCuts) {
  for (std::uint64_t run = 0; run < 200; ++run) {
    Stream random{Key{run}};
    std::vector<double> seconds(1 + random.below(9));
    for (auto& s : seconds) s = random.below(4) == 0 ? 0 : random.uniform();
    for (int stages = 1; stages <= static_cast<int>(seconds.size()); ++stages) {
      auto const blocks = cut_layers(seconds, stages);
      ASSERT_EQ(std::ssize(blocks), stages);
      int expected = 0;
      for (auto const [first, last] : blocks) {
        ASSERT_EQ(first, expected);
        ASSERT_LT(first, last) << "no stage is empty";
        expected = last;
      }
      ASSERT_EQ(expected, std::ssize(seconds));
      ASSERT_NEAR(slowest(seconds, blocks), best_of_all(seconds, 0, stages), 1e-12);
    }
  }
}

TEST(CutLayers, CannotMakeMoreStagesThanLayers) {
  EXPECT_THROW(cut_layers({1, 2}, 3), UserError);
}

}  // namespace
}  // namespace canopy::train
