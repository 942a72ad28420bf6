#include "samplers/by_model.hpp"

namespace canopy::tune {

std::optional<Configuration> ByModel::propose(int index,
                                              std::span<Observation const> earlier) const {
  History const history{encoding_, earlier};
  if (history.scored() < startup_trials)
    return propose_first(*first_, encoding_, history, index, key_);
  auto const key = key_.with(static_cast<std::uint64_t>(index));
  auto best = search(index, history, key);
  if (!best) best = draw_new(encoding_, history, key.with("draw"));
  if (!best) return {};
  return encoding_.decode(*best);
}

}  // namespace canopy::tune
