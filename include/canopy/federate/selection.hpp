#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/core/options.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/registry.hpp"

namespace canopy::federate {

/// Which clients a round asks, and what the adaptive selectors go by.
struct SelectionOptions {
  std::string selector = "uniform";
  int candidates = 0;               ///< of power-of-choice; 0: twice the clients wanted
  double exploration = 0.9;         ///< share of clients that oort has not tried yet, in round 1
  double exploration_decay = 0.95;  ///< factor of that share per round
  double exploration_min = 0.2;     ///< down to which it falls
  double speed_penalty = 2;         ///< oort's alpha; 0 leaves speed aside

  /// One row for each field.
  void describe(Options& options);
  /// UserError when a field is out of range or there is no such selector (with the nearest one).
  void check() const;
  friend bool operator==(SelectionOptions const&, SelectionOptions const&) = default;
};

/// What is known of all clients before the first round.
struct Population {
  int clients = 0;
  std::function<std::int64_t(int client)> rows;    ///< how many a client holds
  std::function<double(int client)> seconds = {};  ///< of a trip as the server guesses it; may be
                                                   ///< empty, then all are taken for equal
};

/// What the server learns when a client's update arrives.
struct Observation {
  int client = 0;
  std::int64_t round = 0;  ///< in which it arrives, from 1
  double loss = 0;         ///< mean over its rows; one that is not finite is taken for 0
  double rms_loss = 0;     ///< root mean square of the rows' losses, what oort looks at; likewise
  std::int64_t rows = 0;
  double seconds = 0;  ///< virtual, of the whole trip
};

/// Whether a client may be selected (there, not in flight). An empty one: all may.
using Available = std::function<bool(int client)>;

/// Chooses the clients of a round. What it chooses depends on the key, the round and what it has
/// observed in earlier rounds, never on the order of calls, so that every process may choose for
/// itself. Ties go to the lower client number, but for clients about which nothing is known:
/// these are in the order in which the key drew them.
class Selector {
 public:
  virtual ~Selector() = default;
  /// Different clients, ascending: `wanted` (Poisson: on average), or all who are available when
  /// these are fewer. Rounds count from 1; `key` is the run's.
  virtual std::vector<int> select(std::int64_t round, int wanted, Available const& available,
                                  Key key) const = 0;
  virtual void observe(Observation const&) {}
  /// What it has observed, for a checkpoint; an empty one when that does not matter.
  virtual NamedArrays state() const { return {}; }
  virtual void restore(NamedArrays const&) {}
};

/// uniform            without replacement; O(wanted) while most clients are available
/// poisson            each client by itself with probability wanted/clients, the sampling that the
///                    privacy accountants ask for; an unavailable client's place stays empty
/// by-size            without replacement, each draw in proportion to the rows
/// round-robin        one after the other by number; an unavailable client's place goes to the next
/// power-of-choice    Cho et al. 2020 (arXiv 2010.01243), rpow-d: of `candidates` drawn as by-size,
///                    those with the highest last known loss; never seen is higher than any
/// oort               Lai et al. 2021 (OSDI), algorithm 1; see src/federate/selection/oort.hpp
/// Clients without rows are never chosen by by-size and power-of-choice. Memory per client: 16
/// bytes for power-of-choice, 24 for oort, none for the others.
Registry<Selector, SelectionOptions const&, Population const&> const& selectors();

}  // namespace canopy::federate
