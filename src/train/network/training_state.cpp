#include "canopy/train/network/training_state.hpp"

#include <fmt/format.h>

#include "canopy/core/error.hpp"

namespace canopy::train {
namespace {

std::string const optimizer_prefix = "optimizer.";
std::string const epochs_prefix = "epochs.";

void require(bool holds, std::string const& what) {
  if (!holds)
    throw DataError{fmt::format(
        "the checkpoint {}; it is damaged or of another program, begin anew with --overwrite",
        what)};
}

std::int64_t one_number(NamedArrays const& arrays, std::string const& name) {
  auto const& values = arrays.get<std::int64_t>(name);
  require(values.size() == 1 && values.front() >= 0, fmt::format("has an impossible {}", name));
  return values.front();
}

std::vector<EpochRow> read_epochs(NamedArrays const& arrays) {
  auto const& numbers = arrays.get<std::int64_t>(epochs_prefix + "epoch");
  std::vector<EpochRow> rows(numbers.size());
  for (std::size_t e = 0; e < rows.size(); ++e) {
    rows[e].epoch = numbers[e];
    EpochRow::each(rows[e], [&](std::string const& name, double& field) {
      auto const& values = arrays.get<double>(epochs_prefix + name);
      require(values.size() == rows.size(), "has columns of unequal length");
      field = values[e];
    });
  }
  return rows;
}

}  // namespace

Table epochs_table(std::vector<EpochRow> const& epochs) {
  Table table{"epochs"};
  table.column("epoch", Table::Type::integer);
  EpochRow::each(EpochRow{},
                 [&](std::string const& name, double) { table.column(name, Table::Type::real); });
  for (auto const& row : epochs) {
    std::vector<Cell> cells{row.epoch};
    EpochRow::each(row, [&](std::string const&, double field) { cells.emplace_back(field); });
    table.add(cells);
  }
  return table;
}

NamedArrays TrainingState::to_arrays() const {
  NamedArrays arrays;
  arrays.put("step", std::vector<std::int64_t>{step});
  arrays.put("arena", arena);
  for (auto const& [name, array] : optimizer.arrays())
    arrays.put(optimizer_prefix + name, array.data);
  std::vector<double> sums;
  std::vector<std::int64_t> correct;
  for (auto const& loss : losses) sums.push_back(loss.sum), correct.push_back(loss.correct);
  arrays.put("losses", std::move(sums));
  arrays.put("correct", std::move(correct));
  std::vector<std::int64_t> numbers;
  for (auto const& row : epochs) numbers.push_back(row.epoch);
  arrays.put(epochs_prefix + "epoch", std::move(numbers));
  EpochRow::each(EpochRow{}, [&](std::string const& name, double) {
    std::vector<double> values;
    for (auto const& row : epochs)
      EpochRow::each(row, [&](std::string const& other, double field) {
        if (other == name) values.push_back(field);
      });
    arrays.put(epochs_prefix + name, std::move(values));
  });
  arrays.put("best_epoch", std::vector<std::int64_t>{best_epoch});
  arrays.put("best", best);
  return arrays;
}

TrainingState TrainingState::from_arrays(NamedArrays const& arrays, std::size_t arena_size,
                                         std::size_t shards) {
  TrainingState state;
  state.step = one_number(arrays, "step");
  state.arena = arrays.get<float>("arena");
  require(state.arena.size() == arena_size, "is of a network of another size");
  for (auto const& [name, array] : arrays.arrays())
    if (name.starts_with(optimizer_prefix))
      state.optimizer.put(name.substr(optimizer_prefix.size()), array.data);
  auto const& sums = arrays.get<double>("losses");
  auto const& correct = arrays.get<std::int64_t>("correct");
  require(sums.size() == shards && correct.size() == shards, "is of another global batch");
  for (std::size_t s = 0; s < shards; ++s) state.losses.push_back({sums[s], correct[s]});
  state.epochs = read_epochs(arrays);
  state.best_epoch = one_number(arrays, "best_epoch");
  state.best = arrays.get<float>("best");
  require(state.best.empty() || state.best.size() == arena_size,
          "has best weights of a network of another size");
  return state;
}

}  // namespace canopy::train
