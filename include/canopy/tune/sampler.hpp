#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/options.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/registry.hpp"
#include "canopy/tune/space.hpp"

namespace canopy::tune {

/// What a sampler may know of an earlier trial.
struct Observation {
  Configuration configuration;
  std::optional<double> score;  ///< mean over folds, higher is better; none: pending or failed
  bool failed = false;          ///< has no score and will not get one
  int resource = 0;             ///< trees or epochs behind the score; 0: all of them
};

/// What a sampler makes of pending trials; none of them proposes one again. liar takes a score for
/// granted: tpe a bad one (Optuna's constant_liar), gp and forest the one they expect (the kriging
/// believer, Ginsbourger et al. 2010). fantasies: gp averages over 32 draws of what may come out
/// (Snoek et al. 2012), forest takes one draw, tpe is a liar. ignore learns nothing from them.
enum class Pending { liar, fantasies, ignore };

struct SamplerSettings {
  Space space;
  Key key;         ///< what all draws derive from
  int wanted = 0;  ///< how many configurations the search will ask for
  Pending pending = Pending::liar;
};

/// Chooses configurations. Proposal i depends on the settings, on i and on what it is shown, never
/// on the order or the time in which results arrive, so a search finds the same on any number of
/// ranks.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Whether proposals depend on earlier trials; a search that asks has to wait for results.
  virtual bool looks_back() const { return false; }
  /// Configuration number `index` (from 0), or nothing when the choices are exhausted. `earlier`
  /// trials in their order, pending ones among them; the same ones at any number of ranks.
  virtual std::optional<Configuration> propose(int index,
                                               std::span<Observation const> earlier) const = 0;
};

/// One file of src/tune/samplers each. To add one: that file and its line in the list; help, checks
/// and the contract suite pick it up by name.
Registry<Sampler, SamplerSettings const&> const& samplers();

/// Point `index` (from 0) of the Sobol sequence before scrambling, as 32-bit fractions.
/// Direction numbers: Joe and Kuo, "Constructing Sobol sequences with better two-dimensional
/// projections" (2008), file new-joe-kuo-6. At most `sobol_dimensions`.
inline constexpr int sobol_dimensions = 21;
std::uint32_t sobol(std::uint32_t index, int dimension);

/// Configurations given in a CSV file with one column per parameter; empty cells keep the default.
std::vector<Configuration> read_points(std::string const& file, Space const& space);

}  // namespace canopy::tune

template <>
struct canopy::Names<canopy::tune::Pending> {
  static constexpr std::array value{"liar", "fantasies", "ignore"};
};
