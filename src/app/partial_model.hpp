#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "canopy/forest/forest.hpp"
#include "canopy/train/forest_by_trees.hpp"

#include "run_parts.hpp"

namespace canopy::app {

/// What a fit that is not finished saves: the trees so far as a model, with their numbers.
/// `forest` says what they are part of; its own trees do not count.
NamedArrays partial_model(forest::Forest const& forest, train::Trees const& grown,
                          std::vector<std::int64_t> numbers, std::string const& fingerprint);

/// The trees that an earlier session of this run has saved, of `number` in all; a tree without
/// nodes was not grown. Nothing when it saved none. A journal of this run makes a run file of
/// another one a thing of the past, which a killed run with --overwrite was to replace; else such a
/// file is a UserError.
std::optional<train::Trees> earlier_trees(RunStart& start, RunIdentity const& identity,
                                          std::size_t number);

}  // namespace canopy::app
