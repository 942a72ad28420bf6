#include <cmath>

#include "samplers/acquisition.hpp"
#include "samplers/makers.hpp"
#include "score_forest.hpp"

namespace canopy::tune {
namespace {

constexpr int trees = 20;
constexpr int random_every = 5;

/// SMAC's search (Hutter et al. 2011; Lindauer et al. 2022): a forest's mean and variance, the
/// expected improvement in logarithms, every fifth proposal a random one. The first startup_trials
/// are Sobol points.
class ForestSampler final : public Sampler {
 public:
  explicit ForestSampler(SamplerSettings const& settings)
      : encoding_{settings.space},
        key_{settings.key.with("forest")},
        pending_{settings.pending},
        first_{make_first(settings)} {}

  bool looks_back() const override { return true; }

  std::optional<Configuration> propose(int index,
                                       std::span<Observation const> earlier) const override {
    History const history{encoding_, earlier};
    if (history.scored() < startup_trials)
      return propose_first(*first_, encoding_, history, index, key_);
    auto const key = key_.with(static_cast<std::uint64_t>(index));
    std::optional<Point> best;
    if (index % random_every != random_every - 1) best = search(history, key);
    if (!best) best = draw_new(encoding_, history, key.with("draw"));
    if (!best) return {};
    return encoding_.decode(*best);
  }

 private:
  std::optional<Point> search(History const& history, Key key) const {
    auto taught = lesson(history, encoding_.space().searched().size() + 1);
    auto const forest = learn(taught, key);
    auto const best_score = taught.best();
    auto const worth = [&](std::span<Point const> points) {
      std::vector<double> values;
      for (auto const& point : points) {
        auto const [mean, variance] = forest.at(encoding_.coordinates(point));
        values.push_back(log_expected_improvement(mean, variance, best_score));
      }
      return values;
    };
    return maximise(encoding_, history, taught, worth, key.with("candidates"));
  }

  /// Pending trials are taught with the mean that the forest expects without them, or with one draw
  /// of what it expects.
  ScoreForest learn(Lesson& taught, Key key) const {
    std::vector<std::vector<double>> coordinates;
    for (auto const& point : taught.points) coordinates.push_back(encoding_.coordinates(point));
    ScoreForest forest{coordinates, taught.scores, trees, key.with("trees")};
    if (pending_ == Pending::ignore || taught.pending.empty()) return forest;
    Stream stream{key.with("fantasies")};
    for (auto const& point : taught.pending) {
      coordinates.push_back(encoding_.coordinates(point));
      taught.points.push_back(point);
      auto const [mean, variance] = forest.at(coordinates.back());
      auto const off = pending_ == Pending::liar ? 0 : stream.normal() * std::sqrt(variance);
      taught.scores.push_back(mean + off);
    }
    return {coordinates, taught.scores, trees, key.with("trees")};
  }

  Encoding encoding_;
  Key key_;
  Pending pending_;
  std::unique_ptr<Sampler> first_;
};

}  // namespace

std::unique_ptr<Sampler> make_forest(SamplerSettings const& settings) {
  return std::make_unique<ForestSampler>(settings);
}

}  // namespace canopy::tune
