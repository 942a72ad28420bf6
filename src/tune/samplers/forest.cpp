#include <cmath>

#include "samplers/acquisition.hpp"
#include "samplers/by_model.hpp"
#include "samplers/makers.hpp"
#include "score_forest.hpp"

namespace canopy::tune {
namespace {

constexpr int trees = 20;
constexpr int random_every = 5;

/// SMAC's search (Hutter et al. 2011; Lindauer et al. 2022): a forest's mean and variance, the
/// expected improvement in logarithms, every fifth proposal a random one. The first startup_trials
/// are Sobol points.
class ForestSampler final : public ByModel {
 public:
  explicit ForestSampler(SamplerSettings const& settings) : ByModel{settings, "forest"} {}

 private:
  std::optional<Point> search(int index, History const& history, Key key) const override {
    if (index % random_every == random_every - 1) return {};
    auto taught = lesson(history, encoding().space().searched().size() + 1);
    auto const forest = learn(taught, key);
    auto const best_score = taught.best();
    auto const worth = [&](std::span<Point const> points) {
      std::vector<double> values;
      for (auto const& point : points) {
        auto const [mean, variance] = forest.at(encoding().coordinates(point));
        values.push_back(log_expected_improvement(mean, variance, best_score));
      }
      return values;
    };
    return maximise(encoding(), history, taught, worth, key.with("candidates"));
  }

  /// Pending trials are taught with the mean that the forest expects without them, or with one draw
  /// of what it expects.
  ScoreForest learn(Lesson& taught, Key key) const {
    std::vector<std::vector<double>> coordinates;
    for (auto const& point : taught.points) coordinates.push_back(encoding().coordinates(point));
    ScoreForest forest{coordinates, taught.scores, trees, key.with("trees")};
    if (policy() == Pending::ignore || taught.pending.empty()) return forest;
    Stream stream{key.with("fantasies")};
    for (auto const& point : taught.pending) {
      coordinates.push_back(encoding().coordinates(point));
      taught.points.push_back(point);
      auto const [mean, variance] = forest.at(coordinates.back());
      auto const off = policy() == Pending::liar ? 0 : stream.normal() * std::sqrt(variance);
      taught.scores.push_back(mean + off);
    }
    return {coordinates, taught.scores, trees, key.with("trees")};
  }
};

}  // namespace

std::unique_ptr<Sampler> make_forest(SamplerSettings const& settings) {
  return std::make_unique<ForestSampler>(settings);
}

}  // namespace canopy::tune
