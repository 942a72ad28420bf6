#include "seed_model.hpp"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/federate/state.hpp"
#include "canopy/nn/model.hpp"
#include "canopy/record/run_record.hpp"

#include "saved_model.hpp"

namespace canopy::app {
namespace {

/// The last round of the only model of the trail whose id begins so; rounds that change nothing
/// repeat an id.
std::int64_t round_of(record::RunRecord const& run, std::string const& file,
                      std::string const& id) {
  std::map<std::string, std::int64_t> found;
  if (auto const* trail = run.table("models"))
    for (std::size_t i = 0; i < trail->rows(); ++i)
      if (auto const model = trail->text(i, "id"); model.starts_with(id))
        found[model] = static_cast<std::int64_t>(trail->number(i, "round"));
  if (found.size() == 1) return found.begin()->second;
  throw DataError{fmt::format(
      "--from-model: {} model{} of {} has an id that begins with '{}'; "
      "`canopy show {} models` lists them",
      found.empty() ? "no" : "more than one", found.empty() ? "" : "s", file, id, file)};
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
  if (!run.model) throw DataError{"--from-model: " + file + " " + why_no_model(run)};
  auto const is_whole = run.model->has_attribute("format") &&
                        run.model->text_attribute("format") == nn::network_format;
  std::vector<float> weights;
  if (colon != std::string::npos) {
    auto const round = round_of(run, file, from_model.substr(colon + 4));
    auto const* rounds = run.table("rounds");
    auto const is_last = rounds != nullptr && std::cmp_equal(rounds->rows(), round);
    if (is_last && is_whole)
      weights = nn::Model::from_arrays(*run.model).arena;
    else if (is_last && run.model->has("model"))  // of a run that is not finished
      weights = run.model->get<float>("model");
    else
      weights = kept_model(run, file, round);
  } else if (is_whole) {
    weights = nn::Model::from_arrays(*run.model).arena;
  } else if (run.status == "complete") {
    throw DataError{"--from-model: " + file +
                    " holds a forest; give the run file of a network, with its --model"};
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
