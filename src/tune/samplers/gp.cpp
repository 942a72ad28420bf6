#include <algorithm>
#include <cmath>

#include "samplers/acquisition.hpp"
#include "samplers/gaussian_process.hpp"
#include "samplers/makers.hpp"

namespace canopy::tune {
namespace {

/// As many examples as a proposal has time for: of the process itself, and of the fit of its
/// parameters, which takes some fifty factorisations.
constexpr std::size_t most_examples = 1000;
constexpr std::size_t most_to_fit = 128;

/// A Gaussian process over the encoded space and the expected improvement in logarithms; priors and
/// threshold as Optuna 5's GPSampler has them. The first startup_trials are Sobol points. What a
/// configuration does not have stands in the middle, or as a choice of its own.
class Gp final : public Sampler {
 public:
  explicit Gp(SamplerSettings const& settings)
      : encoding_{settings.space},
        key_{settings.key.with("gp")},
        pending_{settings.pending},
        first_{make_first(settings)} {}

  bool looks_back() const override { return true; }

  std::optional<Configuration> propose(int index,
                                       std::span<Observation const> earlier) const override {
    History const history{encoding_, earlier};
    if (history.scored() < startup_trials)
      return propose_first(*first_, encoding_, history, index, key_);
    auto const taught = representative(lesson(history, encoding_.size() + 1), most_examples);
    auto const process = learn(taught);
    auto const best_score = *std::ranges::max_element(process.examples().values);
    auto const worth = [&](std::span<Point const> points) {
      auto [mean, variance] = process.at(matrix(points));
      for (std::size_t i = 0; i < points.size(); ++i)
        mean[i] = log_expected_improvement(mean[i], variance[i], best_score);
      return mean;
    };
    auto const key = key_.with(static_cast<std::uint64_t>(index));
    auto best = maximise(encoding_, history, taught, worth, key.with("candidates"));
    if (!best) best = draw_new(encoding_, history, key.with("draw"));
    if (!best) return {};
    return encoding_.decode(*best);
  }

 private:
  Eigen::MatrixXd matrix(std::span<Point const> points) const {
    Eigen::MatrixXd all(encoding_.size(), points.size());
    for (std::size_t i = 0; i < points.size(); ++i)
      for (std::size_t d = 0; d < encoding_.size(); ++d) {
        auto const missing = encoding_.dimensions()[d].is_choice() ? -1.0 : 0.5;
        all(static_cast<Eigen::Index>(d), static_cast<Eigen::Index>(i)) =
            std::isnan(points[i][d]) ? missing : points[i][d];
      }
    return all;
  }

  Examples examples(std::span<Point const> points, std::span<double const> scores) const {
    Examples result;
    for (auto const& dimension : encoding_.dimensions())
      result.is_choice.push_back(dimension.is_choice());
    result.points = matrix(points);
    result.values = Eigen::Map<Eigen::VectorXd const>(scores.data(), std::ssize(scores));
    return result;
  }

  /// Pending trials are given the mean that the process expects without them, and what is believed
  /// is to be improved on as well.
  GaussianProcess learn(Lesson const& taught) const {
    auto const few = representative(taught, most_to_fit);
    GaussianProcess process{examples(taught.points, taught.scores),
                            fit(examples(few.points, few.scores))};
    if (pending_ == Pending::ignore || taught.pending.empty()) return process;
    auto points = taught.points;
    auto scores = taught.scores;
    points.insert(points.end(), taught.pending.begin(), taught.pending.end());
    auto const lies = process.at(matrix(taught.pending)).mean;
    scores.insert(scores.end(), lies.begin(), lies.end());
    return {examples(points, scores), process.parameters()};
  }

  Encoding encoding_;
  Key key_;
  Pending pending_;
  std::unique_ptr<Sampler> first_;
};

}  // namespace

std::unique_ptr<Sampler> make_gp(SamplerSettings const& settings) {
  return std::make_unique<Gp>(settings);
}

}  // namespace canopy::tune
