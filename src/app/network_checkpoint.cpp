#include "network_checkpoint.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "canopy/record/run_record.hpp"

#include "earlier_session.hpp"

namespace canopy::app {
namespace {

constexpr char format[] = "canopy-network-checkpoint/1";

}  // namespace

void mark_checkpoint(NamedArrays& arrays, std::string const& form, nn::Network const& network,
                     std::string const& fingerprint) {
  arrays.set_attribute("format", form);
  arrays.set_attribute("layers", nn::to_toml(network.architecture()));
  arrays.set_attribute("data", fingerprint);
}

std::optional<record::RunRecord> earlier_record(RunStart& start, RunIdentity const& identity,
                                                std::string const& form,
                                                nn::Network const& network) {
  auto const& run_file = start.files.run_file;
  if (!std::filesystem::exists(run_file)) return {};
  auto record = record::read(run_file);
  if (!record.model || !record.model->has_attribute("format") ||
      record.model->text_attribute("format") != form)
    return {};
  auto const& arrays = *record.model;
  RunIdentity const that{record.command, record.settings, arrays.text_attribute("data"),
                         record.started};
  auto why = why_another_run(run_file, that, identity);
  if (!why && arrays.text_attribute("layers") != nn::to_toml(network.architecture()))
    why = fmt::format(
        "--resume: {} was begun with other layers than {} has now; bring them back, or give "
        "another "
        "--out, or --overwrite to begin anew",
        run_file.string(), network.architecture().name);
  if (!why) return record;
  if (!start.records.empty()) return {};
  refuse(start, *why);
}

NamedArrays network_checkpoint(train::TrainingState const& state, nn::Network const& network,
                               std::string const& fingerprint) {
  auto arrays = state.to_arrays();
  mark_checkpoint(arrays, format, network, fingerprint);
  return arrays;
}

std::optional<train::TrainingState> earlier_state(RunStart& start, RunIdentity const& identity,
                                                  nn::Network const& network,
                                                  train::ShardPlan const& plan) {
  auto const record = earlier_record(start, identity, format, network);
  if (!record) return {};
  return train::TrainingState::from_arrays(*record->model, network.arena_size(),
                                           static_cast<std::size_t>(plan.shards()));
}

}  // namespace canopy::app
