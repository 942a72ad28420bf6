#include "samplers/tpe.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "samplers/makers.hpp"
#include "samplers/parzen.hpp"

namespace canopy::tune {
namespace {

constexpr int candidates = 24;

/// Optuna's default_gamma.
std::size_t good_ones(std::size_t scored) {
  return std::min<std::size_t>((scored + 9) / 10, 25);
}

}  // namespace

TpeSplit split(History const& history, Pending pending) {
  auto const& entries = history.entries();
  std::vector<std::size_t> ranked;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries[i].score) ranked.push_back(i);
  std::ranges::stable_sort(ranked, [&](std::size_t a, std::size_t b) {
    auto const rank = [&](std::size_t i) {
      auto const resource = entries[i].resource;
      return std::tuple{resource == 0, resource, *entries[i].score};
    };
    return rank(a) > rank(b);
  });
  ranked.resize(good_ones(ranked.size()));
  TpeSplit result;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (std::ranges::find(ranked, i) != ranked.end())
      result.good.push_back(entries[i].point);
    else if (!entries[i].is_pending() || pending != Pending::ignore)
      result.rest.push_back(entries[i].point);
  }
  return result;
}

Tpe::Tpe(SamplerSettings const& settings)
    : encoding_{settings.space}, key_{settings.key.with("tpe")}, pending_{settings.pending} {}

std::optional<Configuration> Tpe::propose(int index, std::span<Observation const> earlier) const {
  History const history{encoding_, earlier};
  auto const key = key_.with(static_cast<std::uint64_t>(index));
  std::optional<Point> best;
  if (history.scored() >= startup_trials) {
    auto const [good, rest] = split(history, pending_);
    Parzen const l{encoding_, good};
    Parzen const g{encoding_, rest};
    Stream stream{key.with("candidates")};
    auto highest = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < candidates; ++i) {
      auto point = encoding_.settled(l.sample(stream));
      auto const ratio = l.log_density(point) - g.log_density(point);
      if (!(ratio > highest) || !history.is_new(point)) continue;
      highest = ratio;
      best = std::move(point);
    }
  }
  if (!best) best = draw_new(encoding_, history, key.with("draw"));
  if (!best) return {};
  return encoding_.decode(*best);
}

std::unique_ptr<Sampler> make_tpe(SamplerSettings const& settings) {
  return std::make_unique<Tpe>(settings);
}

}  // namespace canopy::tune
