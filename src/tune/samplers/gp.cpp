#include <algorithm>
#include <cmath>

#include "samplers/acquisition.hpp"
#include "samplers/by_model.hpp"
#include "samplers/gaussian_process.hpp"
#include "samplers/makers.hpp"

namespace canopy::tune {
namespace {

/// As many examples as a proposal has time for: of the process itself, and of the fit of its
/// parameters, which takes some fifty factorisations.
constexpr std::size_t most_examples = 1000;
constexpr std::size_t most_to_fit = 128;

constexpr int fantasies = 32;

Eigen::MatrixXd column(std::vector<double> const& values) {
  return Eigen::Map<Eigen::VectorXd const>(values.data(), std::ssize(values));
}

/// Logarithms, for each point the mean over worlds; in each its best value, believed or seen, is to
/// be improved on.
std::vector<double> expected_improvements(GaussianProcess const& process,
                                          Eigen::MatrixXd const& points) {
  auto const [mean, variance] = process.at(points);
  auto const& values = process.examples().values;
  std::vector<double> best;
  for (Eigen::Index world = 0; world < values.cols(); ++world)
    best.push_back(values.col(world).maxCoeff());
  std::vector<double> all;
  for (std::size_t i = 0; i < variance.size(); ++i) {
    std::vector<double> worlds;
    for (std::size_t world = 0; world < best.size(); ++world)
      worlds.push_back(log_expected_improvement(
          mean(static_cast<Eigen::Index>(world), static_cast<Eigen::Index>(i)), variance[i],
          best[world]));
    auto const highest = *std::ranges::max_element(worlds);
    double sum = 0;
    for (double const each : worlds) sum += std::exp(each - highest);
    all.push_back(highest + std::log(sum / static_cast<double>(worlds.size())));
  }
  return all;
}

/// A Gaussian process over the encoded space and the expected improvement in logarithms; priors and
/// threshold as Optuna 5's GPSampler has them. The first startup_trials are Sobol points. What a
/// configuration does not have stands in the middle, or as a choice of its own.
class Gp final : public ByModel {
 public:
  explicit Gp(SamplerSettings const& settings) : ByModel{settings, "gp"} {}

 private:
  std::optional<Point> search(int, History const& history, Key key) const override {
    auto const taught = representative(lesson(history, encoding().size() + 1), most_examples);
    auto const process = learn(taught, key.with("fantasies"));
    auto const worth = [&](std::span<Point const> points) {
      return expected_improvements(process, matrix(points));
    };
    return maximise(encoding(), history, taught, worth, key.with("candidates"));
  }

  Eigen::MatrixXd matrix(std::span<Point const> points) const {
    Eigen::MatrixXd all(encoding().size(), points.size());
    for (std::size_t i = 0; i < points.size(); ++i)
      for (std::size_t d = 0; d < encoding().size(); ++d) {
        auto const missing = encoding().dimensions()[d].is_choice() ? -1.0 : 0.5;
        all(static_cast<Eigen::Index>(d), static_cast<Eigen::Index>(i)) =
            std::isnan(points[i][d]) ? missing : points[i][d];
      }
    return all;
  }

  Examples examples(std::span<Point const> points, Eigen::MatrixXd values) const {
    Examples result;
    for (auto const& dimension : encoding().dimensions())
      result.is_choice.push_back(dimension.is_choice());
    result.points = matrix(points);
    result.values = std::move(values);
    return result;
  }

  GaussianProcess learn(Lesson const& taught, Key key) const {
    auto const few = representative(taught, most_to_fit);
    GaussianProcess process{examples(taught.points, column(taught.scores)),
                            fit(examples(few.points, column(few.scores)))};
    if (policy() == Pending::ignore || taught.pending.empty()) return process;
    auto const imagined = imagine(process, matrix(taught.pending), key);
    auto points = taught.points;
    points.insert(points.end(), taught.pending.begin(), taught.pending.end());
    auto const known = std::ssize(taught.scores);
    Eigen::MatrixXd values(known + imagined.rows(), imagined.cols());
    for (Eigen::Index world = 0; world < imagined.cols(); ++world) {
      for (Eigen::Index i = 0; i < known; ++i) values(i, world) = process.examples().values(i, 0);
      for (Eigen::Index i = 0; i < imagined.rows(); ++i)
        values(known + i, world) = imagined(i, world);
    }
    return {examples(points, std::move(values)), process.parameters()};
  }

  /// What becomes of pending trials, pending x worlds: the mean, or draws.
  Eigen::MatrixXd imagine(GaussianProcess const& process, Eigen::MatrixXd const& pending,
                          Key key) const {
    if (policy() == Pending::liar) return process.at(pending).mean.transpose();
    Stream stream{key};
    Eigen::MatrixXd normals(pending.cols(), fantasies);
    for (Eigen::Index j = 0; j < normals.cols(); ++j)
      for (Eigen::Index i = 0; i < normals.rows(); ++i) normals(i, j) = stream.normal();
    return process.draw(pending, normals);
  }
};

}  // namespace

std::unique_ptr<Sampler> make_gp(SamplerSettings const& settings) {
  return std::make_unique<Gp>(settings);
}

}  // namespace canopy::tune
