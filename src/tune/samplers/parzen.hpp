#pragma once

#include <span>
#include <vector>

#include <Eigen/Core>

#include "canopy/core/random.hpp"

#include "samplers/encoding.hpp"

namespace canopy::tune {

/// A density over a space: a mixture of one kernel for each observation and one for the prior. A
/// kernel is a product over dimensions: of a range a normal truncated to [0, 1] (of an integer or
/// a step the mass of its cell), of choices the observed one and a little of every other. Optuna
/// 5's _ParzenEstimator of multivariate TPE with its defaults (Bergstra et al. 2011; Falkner et al.
/// 2018, "BOHB", section 3), up to the scale: here ranges go from 0 to 1.
///
/// Sums are plain loops: Eigen's take another order, and other last bits, where an array happens to
/// lie otherwise in memory.
///
/// A dimension that an observation does not have is like the prior in its kernel, and takes no part
/// in the density of a point that does not have it.
class Parzen {
 public:
  /// Observations oldest first: of more than 25 the oldest ones count less.
  Parzen(Encoding const& encoding, std::span<Point const> observations);

  /// A point with a number in every dimension; see Encoding::settled.
  Point sample(Stream& stream) const;
  double log_density(Point const& settled) const;

  /// By kernel, the prior's last; they sum to 1.
  Eigen::ArrayXd const& weights() const { return weights_; }
  /// Of the kernels in a dimension that is a range.
  Eigen::ArrayXd const& sigmas(std::size_t dimension) const { return parts_[dimension].sigma; }

 private:
  /// One dimension of all kernels. Kernels with the same numbers share a `shape`.
  struct Part {
    Eigen::ArrayXd centre;        ///< ranges
    Eigen::ArrayXd sigma;         ///< ranges
    Eigen::ArrayXXd probability;  ///< choices: kernels x choices
    std::vector<int> shape;       ///< with cells: kernel -> row of `shapes`
    std::vector<int> shapes;      ///< with cells: a kernel of each shape
    Eigen::ArrayXd inside;        ///< ranges: mass of the untruncated normal in [0, 1]
  };

  Part choice(std::vector<double> const& values, int choices) const;
  Part range(std::vector<double> const& values, bool has_cells) const;
  void multiply(Part const& part, std::size_t dimension, double value, Eigen::ArrayXd& product,
                Eigen::ArrayXd& exponent) const;

  Encoding const& encoding_;
  Eigen::ArrayXd weights_;
  std::vector<Part> parts_;
};

}  // namespace canopy::tune
