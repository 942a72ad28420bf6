#include "seed_model.hpp"

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/federate/state.hpp"
#include "canopy/nn/model.hpp"
#include "canopy/record/run_record.hpp"

namespace canopy::app {
namespace {

/// The round of the only model of the trail whose id begins so.
std::int64_t round_of(record::RunRecord const& run, std::string const& file,
                      std::string const& id) {
  auto const* trail = run.table("models");
  std::int64_t round = -1;
  int found = 0;
  for (std::size_t i = 0; trail != nullptr && i < trail->rows(); ++i)
    if (trail->text(i, "id").starts_with(id)) {
      round = static_cast<std::int64_t>(trail->number(i, "round"));
      ++found;
    }
  if (found == 1) return round;
  throw DataError{
      fmt::format("--from-model: {} model{} of {} has an id that begins with '{}'; "
                  "`canopy show {} models` lists them",
                  found == 0 ? "no" : "more than one", found == 0 ? "" : "s", file, id, file)};
}

std::vector<float> kept_model(record::RunRecord const& run, std::string const& file,
                              std::int64_t round) {
  auto const name = federate::FederationState::kept_name(round);
  if (run.model->has(name)) return run.model->get<float>(name);
  throw DataError{
      fmt::format("--from-model: {} has not kept the model of round {}; run it with "
                  "--keep-every, or name one that it has kept",
                  file, round)};
}

}  // namespace

std::vector<float> seed_model(std::string const& from_model, nn::Network const& network) {
  auto const colon = from_model.rfind(".h5:");
  auto const file = colon == std::string::npos ? from_model : from_model.substr(0, colon + 3);
  auto const run = record::read(file);
  if (!run.model) throw DataError{"--from-model: " + file + " holds no model"};
  auto const is_whole = run.model->has_attribute("format") &&
                        run.model->text_attribute("format") == nn::network_format;
  std::vector<float> weights;
  if (colon != std::string::npos) {
    auto const round = round_of(run, file, from_model.substr(colon + 4));
    auto const* rounds = run.table("rounds");
    auto const is_last = rounds != nullptr && std::cmp_equal(rounds->rows(), round);
    weights = is_last && is_whole ? nn::Model::from_arrays(*run.model).arena
                                  : kept_model(run, file, round);
  } else if (is_whole) {
    weights = nn::Model::from_arrays(*run.model).arena;
  } else {
    throw DataError{"--from-model: " + file +
                    " is of a run that is not finished; finish it with --resume, or name one of "
                    "its models by id"};
  }
  if (weights.size() != network.arena_size())
    throw DataError{
        fmt::format("--from-model: the model of {} has {} numbers, {} has {}; give the "
                    "--model that it was trained with",
                    file, weights.size(), network.architecture().name, network.arena_size())};
  return weights;
}

}  // namespace canopy::app
