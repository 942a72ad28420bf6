#include "network_checkpoint.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "canopy/record/run_record.hpp"

namespace canopy::app {
namespace {

constexpr char format[] = "canopy-network-checkpoint/1";

}  // namespace

NamedArrays network_checkpoint(train::TrainingState const& state, nn::Network const& network,
                               std::string const& fingerprint) {
  auto arrays = state.to_arrays();
  arrays.set_attribute("format", std::string{format});
  arrays.set_attribute("layers", nn::to_toml(network.architecture()));
  arrays.set_attribute("data", fingerprint);
  return arrays;
}

std::optional<train::TrainingState> earlier_state(record::RunFiles const& files,
                                                  RunIdentity const& identity, bool has_journal,
                                                  nn::Network const& network,
                                                  train::ShardPlan const& plan) {
  if (!std::filesystem::exists(files.run_file)) return {};
  auto const record = record::read(files.run_file);
  if (!record.model || !record.model->has_attribute("format") ||
      record.model->text_attribute("format") != format)
    return {};
  auto const& arrays = *record.model;
  RunIdentity const that{record.command, record.settings, arrays.text_attribute("data"),
                         record.started};
  auto why = why_another_run(files.run_file, that, identity);
  if (!why && arrays.text_attribute("layers") != nn::to_toml(network.architecture()))
    why = fmt::format(
        "--resume: {} was begun with other layers than {} has now; bring them back, or --overwrite "
        "to begin anew",
        files.run_file.string(), network.architecture().name);
  if (why) {
    if (has_journal) return {};
    throw UserError{*why};
  }
  return train::TrainingState::from_arrays(arrays, network.arena_size(),
                                           static_cast<std::size_t>(plan.shards()));
}

}  // namespace canopy::app
