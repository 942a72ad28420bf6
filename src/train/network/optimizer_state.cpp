#include "canopy/train/network/optimizer_state.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "canopy/core/error.hpp"

namespace canopy::train {

void add_state(StatePieces& pieces, nn::Optimizer& optimizer) {
  for (auto const& name : optimizer.state_names()) {
    auto const values = optimizer.state(name);
    pieces.push_back({name, optimizer.owned(), {values.begin(), values.end()}});
  }
}

void restore_state(nn::Optimizer& optimizer, NamedArrays const& whole, std::size_t arena_size) {
  auto const owned = optimizer.owned();
  for (auto const& name : optimizer.state_names()) {
    auto const& values = whole.get<float>(name);
    if (values.size() != arena_size)
      throw DataError{fmt::format(
          "the optimizer's {} has {} numbers, expected {}; it belongs to another network", name,
          values.size(), arena_size)};
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(owned.begin), owned.size(),
                optimizer.state(name).begin());
  }
}

NamedArrays gather_state(comm::Communicator const& comm, StatePieces const& mine,
                         std::size_t arena_size) {
  std::map<std::string, std::vector<float>> whole;
  for (auto const& pieces : comm.gather(mine))
    for (auto const& [name, range, values] : pieces) {
      auto& array = whole.try_emplace(name, arena_size, 0.0f).first->second;
      std::ranges::copy(values, array.begin() + static_cast<std::ptrdiff_t>(range.begin));
    }
  NamedArrays arrays;
  for (auto& [name, values] : whole) arrays.put(name, std::move(values));
  return arrays;
}

}  // namespace canopy::train
