#pragma once

#include <vector>

#include "canopy/tune/learner.hpp"
#include "canopy/tune/settings.hpp"
#include "canopy/tune/space.hpp"

/// What a search may try, and how much of it, from its settings and its model.
namespace canopy::tune {

/// UserError when `where` has a name that is no parameter of the model, whose defaults are known.
void refuse_unknown_names(std::string const& where, std::vector<std::string> const& names,
                          Configuration const& known);

/// The default of every searched parameter; what the space fixes stays fixed.
Configuration default_configuration(Space const& space, Configuration const& defaults);

/// Trees or epochs of the scheduler's rungs, ascending; 0 without a scheduler. UserError when the
/// lowest is above the highest, and when there are fewer than a setting is for.
std::vector<int> rungs(SearchSettings const& settings, Learner const& learner);

/// The space that proposals are made in. With a scheduler nobody else chooses the resource, with
/// slices nobody chooses what they tell all values of. UserError when it names what the model does
/// not have, or what the scheduler gives out.
Space proposal_space(SearchSettings const& settings, Learner const& learner);

}  // namespace canopy::tune
