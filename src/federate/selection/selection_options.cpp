#include <algorithm>

#include "canopy/federate/selection.hpp"

namespace canopy::federate {

void SelectionOptions::describe(Options& o) {
  o.group("Selection");
  o.row("selector", selector, "how the clients of a round are chosen",
        any<std::string>("one of " + text::join(selectors().names(), ", ")));
  o.row("candidates", candidates,
        "clients that power-of-choice compares; 0: twice as many as it takes", at_least(0));
  o.row("exploration", exploration, "share of clients that oort has not tried yet, in round 1",
        between(0.0, 1.0));
  o.row("exploration-decay", exploration_decay, "factor of that share per round",
        between(0.0, 1.0));
  o.row("exploration-min", exploration_min, "down to which it falls", between(0.0, 1.0));
  o.row("speed-penalty", speed_penalty,
        "exponent by which oort marks down clients slower than it prefers", at_least(0.0));
}

void SelectionOptions::check() const {
  auto copy = *this;
  Options options;
  copy.describe(options);
  for (auto const& row : options.rows()) row.set(row.get());
  auto const names = selectors().names();
  if (std::ranges::find(names, selector) == names.end())
    throw UserError{"--selector is '" + selector + "'" + text::did_you_mean(selector, names) +
                    ", expected one of " + text::join(names, ", ")};
}

}  // namespace canopy::federate
