#include "canopy/federate/state.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "canopy/core/bytes.hpp"
#include "canopy/core/error.hpp"

namespace canopy::federate {
namespace {

void put_all(NamedArrays& arrays, std::string const& prefix, NamedArrays const& from) {
  for (auto const& [name, array] : from.arrays()) arrays.put(prefix + name, array.data);
}

NamedArrays take_all(NamedArrays const& arrays, std::string_view prefix) {
  NamedArrays result;
  for (auto const& [name, array] : arrays.arrays())
    if (name.starts_with(prefix)) result.put(name.substr(prefix.size()), array.data);
  return result;
}

/// Structures that only this program reads, as bytes.
template <class Items>
void put_items(NamedArrays& arrays, std::string const& name, Items const& items) {
  auto const bytes = to_bytes(items);
  arrays.put(name, std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
}

template <class Items>
void take_items(NamedArrays const& arrays, std::string const& name, Items& items) {
  auto const& bytes = arrays.get<std::uint8_t>(name);
  items = from_bytes<Items>(Bytes(bytes.begin(), bytes.end()));
}

}  // namespace

void FederationState::put_kept(NamedArrays& arrays) const {
  for (auto const& [number, weights] : kept) arrays.put(kept_name(number), weights);
}

NamedArrays FederationState::to_arrays() const {
  NamedArrays arrays;
  arrays.put("round", std::vector<std::int64_t>{round});
  arrays.put("virtual_seconds", std::vector<double>{virtual_seconds});
  arrays.put("model", model);
  put_all(arrays, "server.", server);
  put_all(arrays, "selector.", selector);
  put_all(arrays, "late.", federate::to_arrays(in_flight));
  put_items(arrays, "held", held);
  put_items(arrays, "flights", flights);
  arrays.put("clocks", clocks);
  arrays.put("dispatches", std::vector<std::int64_t>{dispatches});
  std::vector<std::int32_t> numbers;
  std::vector<float> values;
  for (auto const& [client, state] : clients) {
    numbers.push_back(client);
    values.insert(values.end(), state.begin(), state.end());
  }
  put_kept(arrays);
  arrays.put("clients", std::move(numbers));
  arrays.put("client_states", std::move(values));
  return arrays;
}

FederationState FederationState::from_arrays(NamedArrays const& arrays, std::size_t arena_size) {
  FederationState state;
  state.round = arrays.get<std::int64_t>("round").at(0);
  state.virtual_seconds = arrays.get<double>("virtual_seconds").at(0);
  state.model = arrays.get<float>("model");
  if (state.model.size() != arena_size)
    throw DataError{
        fmt::format("the saved model has {} numbers, this network {}; it is of another "
                    "run",
                    state.model.size(), arena_size)};
  state.server = take_all(arrays, "server.");
  state.selector = take_all(arrays, "selector.");
  state.in_flight = in_flight_from(take_all(arrays, "late."));
  take_items(arrays, "held", state.held);
  take_items(arrays, "flights", state.flights);
  state.clocks = arrays.get<std::int64_t>("clocks");
  state.dispatches = arrays.get<std::int64_t>("dispatches").at(0);
  for (std::int64_t number = 0; number <= state.round; ++number)
    if (auto const name = kept_name(number); arrays.has(name))
      state.kept[number] = arrays.get<float>(name);
  auto const& numbers = arrays.get<std::int32_t>("clients");
  auto const& values = arrays.get<float>("client_states");
  auto const each = numbers.empty() ? 0 : values.size() / numbers.size();
  if (each * numbers.size() != values.size())
    throw DataError{"the saved states of the clients are damaged"};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto const begin = values.begin() + static_cast<std::ptrdiff_t>(i * each);
    state.clients[numbers[i]].assign(begin, begin + static_cast<std::ptrdiff_t>(each));
  }
  return state;
}

std::vector<Table> FederationState::tables() const {
  return {table_of("rounds", rounds), table_of("updates", updates),
          table_of("combiner_rounds", combiner_rounds), table_of("validations", validations),
          table_of("models", models)};
}

void FederationState::take_tables(std::vector<Table> const& tables) {
  for (auto const& table : tables) {
    if (table.name() == "rounds") rounds = rows_of<RoundRow>(table);
    if (table.name() == "updates") updates = rows_of<UpdateRow>(table);
    if (table.name() == "combiner_rounds") combiner_rounds = rows_of<CombinerRow>(table);
    if (table.name() == "validations") validations = rows_of<ValidationRow>(table);
    if (table.name() == "models") models = rows_of<ModelRow>(table);
  }
}

}  // namespace canopy::federate
