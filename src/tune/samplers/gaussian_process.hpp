#pragma once

#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

namespace canopy::tune {

/// Points a model has seen, and what came of them.
struct Examples {
  std::vector<char> is_choice;  ///< by dimension: values are equal or not, else they have distances
  Eigen::MatrixXd points;       ///< dimensions x points
  Eigen::MatrixXd values;  ///< points x columns; standardised. A column for each imagined world
};

/// Of the kernel scale * matern_5_2(sum of inverse_squared_lengths * squared distances), in which
/// two choices that differ are 1 apart (Hamming), and of the values' own noise, a variance.
struct KernelParameters {
  std::vector<double> inverse_squared_lengths;
  double scale = 1;
  double noise = 1;
};

/// Gaussian process regression (Rasmussen and Williams 2006, algorithm 2.1). No result depends on
/// where arrays lie in memory: Eigen does only what does not, the sums are loops here.
class GaussianProcess {
 public:
  GaussianProcess(Examples examples, KernelParameters parameters);

  struct Belief {
    Eigen::MatrixXd mean;          ///< columns of values x points
    std::vector<double> variance;  ///< of the function, without noise; not negative
  };
  /// `points` as in Examples.
  Belief at(Eigen::MatrixXd const& points) const;
  /// Values, with noise, that points may have together by the first column: points x draws, from
  /// as many standard normal numbers.
  Eigen::MatrixXd draw(Eigen::MatrixXd const& points, Eigen::MatrixXd const& normals) const;

  Examples const& examples() const { return examples_; }
  KernelParameters const& parameters() const { return parameters_; }

 private:
  Examples examples_;
  KernelParameters parameters_;
  Eigen::LLT<Eigen::MatrixXd> factor_;
  Eigen::MatrixXd weights_;  ///< inverse of the covariance times the values

  Eigen::MatrixXd shared(Eigen::MatrixXd const& points) const;
};

inline constexpr double least_noise = 1e-6;

/// Of the first column. Minus the log of what fit() maximises, up to a constant, and its
/// derivatives; of the logarithms of inverse squared lengths, scale and noise - least_noise.
double fit_loss(Examples const& examples, std::vector<double> const& logarithms,
                std::vector<double>& gradient);

/// The most probable parameters under Optuna 5's priors (optuna/_gp/prior.py): scale Gamma(2, 1),
/// noise Gamma(1.1, 30), and of an inverse squared length x exp(-0.1 / x - 0.1 x).
KernelParameters fit(Examples const& examples);

}  // namespace canopy::tune
