#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "canopy/federate/selection.hpp"

namespace canopy::federate {

inline bool may_take(Available const& available, int client) {
  return !available || available(client);
}

/// `wanted` of the available clients 0 .. clients-1 without replacement, in the order of the draw;
/// fewer when there are not so many. O(wanted) while most are available, else O(clients).
std::vector<int> sample_uniform(int clients, int wanted, Available const& available,
                                Stream& stream);

/// The `wanted` with the lowest scores offered, ties by client number, in O(wanted) memory.
class Lowest {
 public:
  explicit Lowest(int wanted) : wanted_{static_cast<std::size_t>(wanted)} {}
  void offer(double score, int client);
  /// By score.
  std::vector<int> take();

 private:
  std::size_t wanted_;
  std::vector<std::pair<double, int>> heap_;  ///< the highest on top
};

/// Draws without replacement in proportion to weights, each draw among those who are left: the
/// `wanted` with the lowest scores (Efraimidis & Spirakis 2006, in the form of exponential
/// arrival times). A weight of 0 comes after all others.
inline double weighted_score(Key key, int client, double weight) {
  Stream stream{key.with(static_cast<std::uint64_t>(client))};
  return -std::log1p(-stream.uniform()) / std::max(weight, 1e-100);
}

/// As above among the available clients with rows, weighted by these.
std::vector<int> sample_by_size(Population const& population, int wanted,
                                Available const& available, Key key);

}  // namespace canopy::federate
