#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace canopy::federate {

/// How updates are added up on their way: in whole numbers, so that every order and every tree of
/// combiners gives the same bits, or in float as they come.
enum class Reduce { exact, fast };

/// A weighted sum of updates. In fixed point (`exact`) a number stands for 2^-40; terms are cut to
/// that, weights of all terms together are at most about 1, and a sum of any of them is exact.
class UpdateSum {
 public:
  UpdateSum() = default;
  UpdateSum(Reduce reduce, std::size_t length);

  /// Whether every number is finite, and its term not too large for fixed point (2^22 and more), as
  /// those of a client that diverges are.
  static bool takes(double weight, std::span<float const> update);
  /// Adds weight * update; false, and nothing is added, when it does not take it.
  bool add(double weight, std::span<float const> update);
  /// Adds a sum of the same kind and length; an empty one on either side counts as 0.
  void add(UpdateSum const& other);

  /// The sum, divided by `share`.
  std::vector<float> values(double share = 1) const;
  bool empty() const { return exact_.empty() && fast_.empty(); }

  template <class Archive>
  void fields(Archive& archive) {
    archive(fast_, exact_);
  }

 private:
  std::vector<std::int64_t> exact_;  ///< one of these two
  std::vector<float> fast_;
};

}  // namespace canopy::federate
