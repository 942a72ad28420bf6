#include "samplers/history.hpp"

#include <algorithm>
#include <cmath>

#include "samplers/makers.hpp"

namespace canopy::tune {

History::History(Encoding const& encoding, std::span<Observation const> earlier) {
  for (auto const& trial : earlier) {
    auto point = encoding.encode(trial.configuration);
    if (!point) continue;
    auto& entry = entries_.emplace_back();
    entry.point = std::move(*point);
    entry.resource = trial.resource;
    if (trial.score && std::isfinite(*trial.score)) entry.score = trial.score;
    entry.failed = trial.failed || (trial.score && !entry.score);
    if (entry.failed) entry.score.reset();
    scored_ += entry.score.has_value();
  }
}

bool History::is_new(Point const& settled) const {
  return std::ranges::none_of(entries_,
                              [&](Entry const& entry) { return same(entry.point, settled); });
}

std::optional<Point> draw_new(Encoding const& encoding, History const& history, Key key) {
  Stream stream{key};
  std::vector<double> coordinates(encoding.space().searched().size());
  for (int attempt = 0; attempt < 1000; ++attempt) {
    for (auto& u : coordinates) u = stream.uniform();
    if (auto point = encoding.at(coordinates); history.is_new(point)) return point;
  }
  return {};
}

std::unique_ptr<Sampler> make_first(SamplerSettings const& settings) {
  return settings.space.searched().size() > sobol_dimensions ? make_random(settings)
                                                             : make_sobol(settings);
}

std::optional<Configuration> propose_first(Sampler const& first, Encoding const& encoding,
                                           History const& history, int index, Key key) {
  auto configuration = first.propose(index, {});
  if (history.is_new(encoding.encode(*configuration).value())) return configuration;
  auto const drawn = draw_new(encoding, history, key.with(static_cast<std::uint64_t>(index)));
  if (!drawn) return {};
  return encoding.decode(*drawn);
}

}  // namespace canopy::tune
