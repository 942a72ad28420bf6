#include <cmath>

#include <gmock/gmock.h>

#include "canopy/core/random.hpp"

#include "samplers/gaussian_process.hpp"
#include "samplers/minimise.hpp"

namespace canopy::tune {
namespace {

/// As optuna_gp.py makes them.
Examples examples() {
  constexpr int count = 20;
  Examples result{{0, 0, 1}, Eigen::MatrixXd(3, count), Eigen::MatrixXd(count, 1)};
  for (int i = 0; i < count; ++i) {
    result.points.col(i) << 7 * i % 20 / 20.0, 3 * i % 20 / 20.0, i % 3;
    auto const point = result.points.col(i);
    result.values(i, 0) =
        std::sin(6 * point[0]) + point[1] * point[1] - (point[2] == 1 ? 0.5 : 0.0);
  }
  double sum = 0;
  for (double const value : result.values.reshaped()) sum += value;
  double square = 0;
  for (double& value : result.values.reshaped()) value -= sum / count, square += value * value;
  result.values /= std::sqrt(square / count);
  return result;
}

KernelParameters const fixed{{4.0, 0.5, 1.5}, 1.2, 0.05};

std::vector<double> logarithms(KernelParameters const& parameters) {
  std::vector<double> x;
  for (double const length : parameters.inverse_squared_lengths) x.push_back(std::log(length));
  x.push_back(std::log(parameters.scale));
  x.push_back(std::log(parameters.noise - least_noise));
  return x;
}

double loss(KernelParameters const& parameters) {
  std::vector<double> gradient(5);
  return fit_loss(examples(), logarithms(parameters), gradient);
}

// Numbers by: python3 tests/tune/samplers/optuna_gp.py (Optuna 5.0.0)

TEST(GaussianProcess, LikelihoodAndPriorsAreOptunas) {
  EXPECT_NEAR(loss(fixed), -1.87410191134434, 1e-11);
}

TEST(GaussianProcess, PosteriorIsOptunas) {
  GaussianProcess const process{examples(), fixed};
  Eigen::MatrixXd asked(3, 3);
  asked << 0.1, 0.35, 0.9, 0.2, 0.05, 1.0, 1, 0, 3;
  auto const [mean, variance] = process.at(asked);
  constexpr double optuna_mean[] = {0.777238441016641, 0.887985076092931, -0.216547430657894};
  constexpr double optuna_variance[] = {0.316331104888006, 0.117950887718439, 0.943694548008918};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(mean(0, static_cast<Eigen::Index>(i)), optuna_mean[i], 1e-12);
    EXPECT_NEAR(variance[i], optuna_variance[i], 1e-12);
  }
}

TEST(GaussianProcess, DerivativesAreThoseOfTheLoss) {
  auto const all = examples();
  for (auto const& parameters : {fixed, KernelParameters{{0.2, 9, 0.01}, 3, 0.5}}) {
    auto const x = logarithms(parameters);
    std::vector<double> gradient(5);
    fit_loss(all, x, gradient);
    std::vector<double> unused(5);
    for (std::size_t i = 0; i < x.size(); ++i) {
      constexpr double step = 1e-5;
      auto above = x;
      auto below = x;
      above[i] += step;
      below[i] -= step;
      auto const slope = (fit_loss(all, above, unused) - fit_loss(all, below, unused)) / (2 * step);
      EXPECT_NEAR(gradient[i], slope, 1e-7 * (1 + std::abs(slope))) << "parameter " << i;
    }
  }
}

TEST(GaussianProcess, TheFitIsAsProbableAsOptunas) {
  auto const found = fit(examples());
  EXPECT_NEAR(loss(found), -11.8302703112, 2e-4);
  EXPECT_NEAR(found.scale, 1.71472865, 0.05);
  EXPECT_NEAR(found.inverse_squared_lengths[0], 4.47891755, 0.1);
}

TEST(GaussianProcess, GoesThroughWhatItHasSeenAndIsUnsureElsewhere) {
  auto const all = examples();
  GaussianProcess const process{all, {{4.0, 0.5, 1.5}, 1.2, least_noise}};
  auto const [mean, variance] = process.at(all.points);
  for (Eigen::Index i = 0; i < mean.cols(); ++i) {
    EXPECT_NEAR(mean(0, i), all.values(i, 0), 1e-3);
    EXPECT_LT(variance[static_cast<std::size_t>(i)], 1e-5);
  }
  Eigen::MatrixXd far(3, 1);
  far << 30, 30, 2;
  EXPECT_NEAR(process.at(far).mean(0, 0), 0, 1e-9);
  EXPECT_NEAR(process.at(far).variance[0], 1.2, 1e-9);
}

TEST(GaussianProcess, DrawsHaveTheCovarianceOfTheBelief) {
  GaussianProcess const process{examples(), fixed};
  Eigen::MatrixXd asked(3, 2);
  asked << 0.1, 0.14, 0.2, 0.2, 1, 1;
  auto const belief = process.at(asked);
  Stream stream{Key{8}};
  constexpr int draws = 20'000;
  Eigen::MatrixXd normals(2, draws);
  for (double& each : normals.reshaped()) each = stream.normal();
  auto const drawn = process.draw(asked, normals);
  double square[2][2]{};
  for (int k = 0; k < draws; ++k)
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j)
        square[i][j] +=
            (drawn(i, k) - belief.mean(0, i)) * (drawn(j, k) - belief.mean(0, j)) / draws;
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_NEAR(square[i][i], belief.variance[i] + fixed.noise, 0.02);
  EXPECT_GT(square[0][1], 0.8 * belief.variance[0]) << "neighbours go together";
}

/// Values in another column are another world at the same places.
TEST(GaussianProcess, ColumnsAreApart) {
  auto all = examples();
  all.values.conservativeResize(Eigen::NoChange, 2);
  for (Eigen::Index i = 0; i < all.values.rows(); ++i) all.values(i, 1) = 3 * all.values(i, 0);
  GaussianProcess const process{all, fixed};
  auto const mean = process.at(all.points).mean;
  auto const single = GaussianProcess{examples(), fixed}.at(all.points).mean;
  for (Eigen::Index i = 0; i < mean.cols(); ++i) {
    EXPECT_NEAR(mean(0, i), single(0, i), 1e-12);
    EXPECT_NEAR(mean(1, i), 3 * single(0, i), 1e-12);
  }
}

/// Vector instructions must not sum otherwise where an array begins at another address.
TEST(GaussianProcess, BitsDoNotDependOnWhereArraysLie) {
  auto const before = fit(examples());
  std::vector<std::vector<std::byte>> obstacles;
  for (std::size_t size = 8; size < 4000; size += 56) {
    obstacles.emplace_back(size);
    auto const all = examples();
    auto const now = fit(all);
    ASSERT_EQ(now.inverse_squared_lengths, before.inverse_squared_lengths) << size;
    ASSERT_EQ(now.noise, before.noise);
    auto const belief = GaussianProcess{all, now}.at(all.points);
    ASSERT_EQ(belief.variance, (GaussianProcess{all, before}.at(all.points).variance));
  }
}

TEST(Minimise, FindsTheEndOfRosenbrocksValley) {
  auto const valley = [](std::vector<double> const& x, std::vector<double>& gradient) {
    double sum = 0;
    std::ranges::fill(gradient, 0.0);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      auto const bend = x[i + 1] - x[i] * x[i];
      sum += 100 * bend * bend + (1 - x[i]) * (1 - x[i]);
      gradient[i] += -400 * bend * x[i] - 2 * (1 - x[i]);
      gradient[i + 1] += 200 * bend;
    }
    return sum;
  };
  auto const found = minimise(valley, {-1.2, 1, -1.2, 1}, 200, 1e-8);
  for (double const x : found) EXPECT_NEAR(x, 1, 1e-7);
}

TEST(Minimise, StepsBackFromWhatIsNotFinite) {
  auto const found = minimise(
      [](std::vector<double> const& x, std::vector<double>& gradient) {
        gradient[0] = x[0] > 0 ? 1 - 1e-3 / x[0] : std::nan("");
        return x[0] > 0 ? x[0] - 1e-3 * std::log(x[0]) : HUGE_VAL;
      },
      {5}, 100, 1e-9);
  EXPECT_NEAR(found[0], 1e-3, 1e-8);
}

}  // namespace
}  // namespace canopy::tune
