#pragma once

#include <cstdint>
#include <vector>

#include "canopy/federate/selection.hpp"

namespace canopy::federate {

/// Lai et al. 2021, "Oort: Efficient federated learning via guided participant selection" (OSDI),
/// algorithm 1, with the constants of the authors' implementation and utility scaled to [0, 1] much
/// as there (by the clipped range, not the whole one). Of a client i that was observed last in
/// round L(i), with a trip of D(i) seconds:
///     U(i)     = rows(i) x root mean square of its rows' losses            statistical utility
///     score(i) = (min(U(i), c) - m) / (c - m) + sqrt(0.1 ln(round) / L(i))  uncertainty with age
///     score(i) x (T / D(i))^speed_penalty  if D(i) > T                       system utility
/// where c is the 98th percentile of the U of the observed clients (so one wild loss does not
/// count), m 0.999 times the least, and T, the preferred trip time, a percentile of their D: the
/// 10th, and by 5 more (the pacer) each time that 20 rounds bring less utility in all than the 20
/// before. A round explores a share of clients that were never observed, drawn in proportion to
/// their speed as Population guesses it; the others are drawn in proportion to their scores from
/// those who have at least 0.7 times the score of the last who would be taken by rank alone. Where
/// one of the two groups is too small the other fills up. Blacklisting is left out.
class Oort final : public Selector {
 public:
  Oort(SelectionOptions const& options, Population const& population);

  std::vector<int> select(std::int64_t round, int wanted, Available const& available,
                          Key key) const override;
  void observe(Observation const& seen) override;
  NamedArrays state() const override;
  void restore(NamedArrays const& state) override;

  struct Scored {
    double score;
    int client;
  };
  /// Of the available clients that were observed, best first.
  std::vector<Scored> scores(std::int64_t round, Available const& available) const;
  /// T; infinite before the first observation.
  double preferred_seconds(std::int64_t round) const;
  /// Of `wanted`, how many a round explores when there are enough to explore.
  int explored(std::int64_t round, int wanted) const;

 private:
  struct Arm {
    double utility = 0;
    double seconds = 0;
    std::int64_t round = 0;  ///< of the last observation; 0: none yet
  };

  std::vector<int> exploit(std::vector<Scored> const& ranked, int wanted, Key key) const;
  std::vector<int> explore(int wanted, Available const& available, Key key) const;

  SelectionOptions options_;
  Population population_;
  std::vector<Arm> arms_;
  std::vector<std::int64_t> window_utility_;  ///< by 20 rounds, in whole 1/1024: order is no matter
};

}  // namespace canopy::federate
