#include "samplers/gaussian_process.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "samplers/minimise.hpp"

namespace canopy::tune {
namespace {

double squared_distance(bool is_choice, double a, double b) {
  if (is_choice) return a == b ? 0 : 1;
  return (a - b) * (a - b);
}

/// Of a squared distance in lengths.
double matern_5_2(double square) {
  auto const d = std::sqrt(5 * square);
  return (1 + d + 5.0 / 3 * square) * std::exp(-d);
}
double matern_5_2_derivative(double square) {
  auto const d = std::sqrt(5 * square);
  return -5.0 / 6 * (1 + d) * std::exp(-d);
}

double weighted_distance(Examples const& examples, KernelParameters const& parameters,
                         double const* a, double const* b) {
  double square = 0;
  for (std::size_t d = 0; d < examples.is_choice.size(); ++d)
    square += parameters.inverse_squared_lengths[d] *
              squared_distance(examples.is_choice[d] != 0, a[d], b[d]);
  return square;
}

/// The lower half.
Eigen::MatrixXd covariance(Examples const& examples, KernelParameters const& parameters) {
  auto const n = examples.points.cols();
  Eigen::MatrixXd all = Eigen::MatrixXd::Zero(n, n);
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = j; i < n; ++i)
      all(i, j) = parameters.scale *
                  matern_5_2(weighted_distance(examples, parameters, examples.points.col(i).data(),
                                               examples.points.col(j).data()));
  for (Eigen::Index i = 0; i < n; ++i) all(i, i) += parameters.noise;
  return all;
}

KernelParameters from_logarithms(std::vector<double> const& logarithms) {
  auto const dimensions = logarithms.size() - 2;
  KernelParameters parameters;
  for (std::size_t d = 0; d < dimensions; ++d)
    parameters.inverse_squared_lengths.push_back(std::exp(logarithms[d]));
  parameters.scale = std::exp(logarithms[dimensions]);
  parameters.noise = std::exp(logarithms[dimensions + 1]) + least_noise;
  return parameters;
}

/// Minus the logarithm of the priors; adds its derivatives by the logarithms of the parameters.
double prior_loss(KernelParameters const& parameters, std::vector<double>& gradient) {
  double loss = 0;
  auto const dimensions = parameters.inverse_squared_lengths.size();
  for (std::size_t d = 0; d < dimensions; ++d) {
    auto const x = parameters.inverse_squared_lengths[d];
    loss += 0.1 / x + 0.1 * x;
    gradient[d] += -0.1 / x + 0.1 * x;
  }
  loss += parameters.scale - std::log(parameters.scale);
  gradient[dimensions] += parameters.scale - 1;
  loss += 30 * parameters.noise - 0.1 * std::log(parameters.noise);
  gradient[dimensions + 1] += (30 - 0.1 / parameters.noise) * (parameters.noise - least_noise);
  return loss;
}

/// Adds the derivatives of the likelihood; `slope` are those by the entries of the covariance.
void add_slopes(Examples const& examples, KernelParameters const& parameters,
                Eigen::MatrixXd const& slope, std::vector<double>& gradient) {
  auto const dimensions = examples.is_choice.size();
  for (Eigen::Index j = 0; j < slope.cols(); ++j) {
    auto const* b = examples.points.col(j).data();
    gradient[dimensions] += parameters.scale * slope(j, j);
    gradient[dimensions + 1] += (parameters.noise - least_noise) * slope(j, j);
    for (Eigen::Index i = j + 1; i < slope.rows(); ++i) {
      auto const* a = examples.points.col(i).data();
      auto const square = weighted_distance(examples, parameters, a, b);
      auto const twice = 2 * parameters.scale * slope(i, j);
      gradient[dimensions] += twice * matern_5_2(square);
      auto const by_square = twice * matern_5_2_derivative(square);
      for (std::size_t d = 0; d < dimensions; ++d)
        gradient[d] += by_square * parameters.inverse_squared_lengths[d] *
                       squared_distance(examples.is_choice[d] != 0, a[d], b[d]);
    }
  }
}

double dot(Eigen::Ref<Eigen::VectorXd const> const& a, Eigen::Ref<Eigen::VectorXd const> const& b) {
  double sum = 0;
  for (Eigen::Index i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

double fit_loss(Examples const& examples, std::vector<double> const& logarithms,
                std::vector<double>& gradient) {
  auto const n = examples.values.rows();
  auto const parameters = from_logarithms(logarithms);
  Eigen::LLT<Eigen::MatrixXd> const factor{covariance(examples, parameters)};
  if (factor.info() != Eigen::Success) return std::numeric_limits<double>::infinity();
  Eigen::MatrixXd const inverse = factor.solve(Eigen::MatrixXd::Identity(n, n));
  Eigen::VectorXd weights = Eigen::VectorXd::Zero(n);
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = 0; i < n; ++i) weights[i] += inverse(i, j) * examples.values(j, 0);
  auto loss = dot(weights, examples.values.col(0)) / 2;
  for (Eigen::Index i = 0; i < n; ++i) loss += std::log(factor.matrixLLT()(i, i));
  std::ranges::fill(gradient, 0.0);
  add_slopes(examples, parameters, (inverse - weights * weights.transpose()) / 2, gradient);
  return loss + prior_loss(parameters, gradient);
}

KernelParameters fit(Examples const& examples) {
  constexpr int most_steps = 50;
  return from_logarithms(
      minimise([&](auto const& x, auto& gradient) { return fit_loss(examples, x, gradient); },
               std::vector<double>(examples.is_choice.size() + 2, 0.0), most_steps, 1e-2));
}

GaussianProcess::GaussianProcess(Examples examples, KernelParameters parameters)
    : examples_{std::move(examples)},
      parameters_{std::move(parameters)},
      factor_{covariance(examples_, parameters_)},
      weights_{examples_.values} {
  factor_.solveInPlace(weights_);
}

/// Covariance with the examples: examples x points.
Eigen::MatrixXd GaussianProcess::shared(Eigen::MatrixXd const& points) const {
  Eigen::MatrixXd all(examples_.points.cols(), points.cols());
  for (Eigen::Index j = 0; j < all.cols(); ++j)
    for (Eigen::Index i = 0; i < all.rows(); ++i)
      all(i, j) = parameters_.scale * matern_5_2(weighted_distance(examples_, parameters_,
                                                                   examples_.points.col(i).data(),
                                                                   points.col(j).data()));
  return all;
}

GaussianProcess::Belief GaussianProcess::at(Eigen::MatrixXd const& points) const {
  auto with_examples = shared(points);
  Belief belief{Eigen::MatrixXd(weights_.cols(), points.cols()), {}};
  for (Eigen::Index j = 0; j < points.cols(); ++j)
    for (Eigen::Index column = 0; column < weights_.cols(); ++column)
      belief.mean(column, j) = dot(with_examples.col(j), weights_.col(column));
  factor_.matrixL().solveInPlace(with_examples);
  for (Eigen::Index j = 0; j < points.cols(); ++j)
    belief.variance.push_back(
        std::max(0.0, parameters_.scale - dot(with_examples.col(j), with_examples.col(j))));
  return belief;
}

Eigen::MatrixXd GaussianProcess::draw(Eigen::MatrixXd const& points,
                                      Eigen::MatrixXd const& normals) const {
  auto const n = points.cols();
  auto const mean = at(points).mean;
  auto with_examples = shared(points);
  factor_.matrixL().solveInPlace(with_examples);
  auto together = covariance({examples_.is_choice, points, {}}, parameters_);
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = j; i < n; ++i)
      together(i, j) -= dot(with_examples.col(i), with_examples.col(j));
  Eigen::LLT<Eigen::MatrixXd> const factor{together};
  Eigen::MatrixXd values(n, normals.cols());
  for (Eigen::Index column = 0; column < normals.cols(); ++column)
    for (Eigen::Index i = 0; i < n; ++i) {
      values(i, column) = mean(0, i);
      for (Eigen::Index j = 0; j <= i; ++j)
        values(i, column) += factor.matrixLLT()(i, j) * normals(j, column);
    }
  return values;
}

}  // namespace canopy::tune
