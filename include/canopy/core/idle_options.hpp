#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "canopy/core/options.hpp"

namespace canopy {

/// Options that can have no effect when `applies`, as others are.
struct IdleOptions {
  std::vector<std::string> names;
  bool applies;
  std::string reason;  ///< "--scheduler is none, which has no rungs"
  std::string remedy;  ///< "set --scheduler asha"; empty: there is none but to leave them out
};

/// UserError when an option is idle that is not at its default: whoever set it expects something of
/// it. Of several the first one, in the order of `rules`, is told.
template <class Settings>
void refuse_idle(Settings settings, std::span<IdleOptions const> rules, Settings plain = {}) {
  Options given;
  Options initial;
  settings.describe(given);
  plain.describe(initial);
  auto const value = [](Options const& options, std::string const& name) {
    return std::ranges::find(options.rows(), name, &Options::Row::name)->get();
  };
  for (auto const& [names, applies, reason, remedy] : rules)
    for (auto const& name : names) {
      if (!applies || value(given, name) == value(initial, name)) continue;
      throw UserError{fmt::format("--{} is {} but {}; {}leave it out (default '{}')", name,
                                  value(given, name), reason,
                                  remedy.empty() ? "" : remedy + ", or ", value(initial, name))};
    }
}

}  // namespace canopy
