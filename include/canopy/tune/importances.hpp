#pragma once

#include <span>
#include <string>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/core/table.hpp"
#include "canopy/tune/sampler.hpp"
#include "canopy/tune/space.hpp"

namespace canopy::tune {

/// Which share of a score's variation over the whole space is due to one hyper-parameter alone, or
/// to two together beyond what each of them does alone.
struct Importance {
  std::string parameter;
  std::string with;      ///< the second one; empty: alone
  double share = 0;      ///< mean over trees; all shares, of more than two together too, sum to 1
  double deviation = 0;  ///< standard deviation over trees
};

/// Functional ANOVA (Hutter, Hoos and Leyton-Brown 2014, "An efficient approach for assessing
/// hyperparameter importance", ICML) of a forest grown on the scores of `trials`: exact for the
/// forest, whose leaves are boxes, under the distribution that the space is drawn from. Each
/// parameter alone in the order of the space, then pairs from the highest share down.
///
/// Scores with different resources, failed and pending trials count as for samplers: the most
/// resource of which there are as many trials as parameters and one more, failures as the worst,
/// pending ones not. A parameter that a condition switches off stands in its middle. All shares are
/// 0 when scores do not vary or there are none.
std::vector<Importance> importances(Space const& space, std::span<Observation const> trials,
                                    Key key, int trees = 64);

/// /importances: parameter, with, share, std.
Table importances_table(std::vector<Importance> const& importances);

}  // namespace canopy::tune
