#include "kept_networks.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace canopy::tune {
namespace {

std::size_t bytes_of(train::TrainingState const& state) {
  auto numbers = state.arena.size() + state.best.size();
  for (auto const& [name, array] : state.optimizer.arrays()) numbers += array.size();
  return numbers * sizeof(float);
}

}  // namespace

std::optional<train::TrainingState> KeptNetworks::find(std::string const& name, Key key,
                                                       std::int64_t steps) {
  auto const found = std::ranges::find_if(kept_, [&](Kept const& k) {
    return k.key == key && k.name == name && k.state.step <= steps;
  });
  if (found == kept_.end()) return {};
  kept_.splice(kept_.begin(), kept_, found);
  return found->state;
}

void KeptNetworks::keep(std::string const& name, Key key, train::TrainingState state) {
  std::erase_if(kept_, [&](Kept const& k) { return k.key == key && k.name == name; });
  auto const bytes = bytes_of(state);
  kept_.push_front({name, key, std::move(state), bytes});
  std::size_t all = 0;
  for (auto const& kept : kept_) all += kept.bytes;
  for (; all > most_ && !kept_.empty(); kept_.pop_back()) all -= kept_.back().bytes;
}

std::optional<train::TrainingState> furthest(comm::Communicator const& team,
                                             std::optional<train::TrainingState> mine,
                                             std::size_t arena_size, int shards) {
  if (team.size() == 1) return mine;
  auto const steps = team.gather(mine ? mine->step : std::int64_t{-1});
  int holder = -1;
  if (team.is_root()) {
    auto const best = std::ranges::max_element(steps);
    if (*best >= 0) holder = static_cast<int>(best - steps.begin());
  }
  holder = team.broadcast(holder);
  if (holder < 0) return {};
  auto const told = team.gather(team.rank().value == holder ? mine->to_arrays() : NamedArrays{});
  auto const arrays =
      team.broadcast(team.is_root() ? told[static_cast<std::size_t>(holder)] : NamedArrays{});
  return train::TrainingState::from_arrays(arrays, arena_size, static_cast<std::size_t>(shards));
}

}  // namespace canopy::tune
