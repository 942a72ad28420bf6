#include "selection/oort.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "selection/sampling.hpp"

namespace canopy::federate {
namespace {

constexpr auto clip_at = 0.98;
constexpr auto cut_off = 0.7;
constexpr auto least_span = 1e-4;
constexpr auto first_percentile = 10;
constexpr auto percentile_step = 5;
constexpr std::int64_t pacer_rounds = 20;
constexpr auto most_utility = 1e9;

double finite_or_zero(double x) {
  return std::isfinite(x) ? std::clamp(x, 0.0, most_utility) : 0;
}

/// The value at `share` of them, without interpolation. `values` not empty.
double percentile(std::vector<double> values, double share) {
  auto const index = static_cast<std::size_t>(static_cast<double>(values.size()) * share);
  auto const at = values.begin() + static_cast<std::ptrdiff_t>(std::min(index, values.size() - 1));
  std::ranges::nth_element(values, at);
  return *at;
}

}  // namespace

Oort::Oort(SelectionOptions const& options, Population const& population)
    : options_{options},
      population_{population},
      arms_(static_cast<std::size_t>(population.clients)) {}

void Oort::observe(Observation const& seen) {
  auto const loss = finite_or_zero(seen.rms_loss);
  auto const utility = finite_or_zero(static_cast<double>(seen.rows) * loss);
  auto const round = std::max<std::int64_t>(seen.round, 1);
  auto const window = static_cast<std::size_t>((round - 1) / pacer_rounds);
  if (window >= window_utility_.size()) window_utility_.resize(window + 1);
  window_utility_[window] += std::llround(utility * 1024);
  auto& arm = arms_.at(static_cast<std::size_t>(seen.client));
  if (round >= arm.round) arm = {utility, seen.seconds, round};
}

double Oort::preferred_seconds(std::int64_t round) const {
  auto percent = first_percentile;
  // Windows that are over: their rounds came before this one.
  auto const over = std::min<std::int64_t>((round - 1) / pacer_rounds, std::ssize(window_utility_));
  for (std::int64_t w = 1; w < over; ++w) {
    auto const i = static_cast<std::size_t>(w);
    if (window_utility_[i] < window_utility_[i - 1]) percent += percentile_step;
  }
  std::vector<double> seconds;
  for (auto const& arm : arms_)
    if (arm.round > 0) seconds.push_back(arm.seconds);
  if (seconds.empty() || percent >= 100) return std::numeric_limits<double>::infinity();
  return percentile(std::move(seconds), percent / 100.0);
}

std::vector<Oort::Scored> Oort::scores(std::int64_t round, Available const& available) const {
  std::vector<double> utilities;
  for (auto const& arm : arms_)
    if (arm.round > 0) utilities.push_back(arm.utility);
  if (utilities.empty()) return {};
  auto const least = 0.999 * *std::ranges::min_element(utilities);
  auto const clip = percentile(std::move(utilities), clip_at);
  auto const span = std::max(clip - least, least_span);
  auto const preferred = preferred_seconds(round);
  auto const age = 0.1 * std::log(static_cast<double>(std::max<std::int64_t>(round, 1)));

  std::vector<Scored> result;
  for (int client = 0; client < population_.clients; ++client) {
    auto const& arm = arms_[static_cast<std::size_t>(client)];
    if (arm.round == 0 || !may_take(available, client)) continue;
    auto score = (std::min(arm.utility, clip) - least) / span +
                 std::sqrt(age / static_cast<double>(arm.round));
    if (arm.seconds > preferred) score *= std::pow(preferred / arm.seconds, options_.speed_penalty);
    result.push_back({score, client});
  }
  std::ranges::sort(result, [](Scored const& a, Scored const& b) {
    return a.score != b.score ? a.score > b.score : a.client < b.client;
  });
  return result;
}

int Oort::explored(std::int64_t round, int wanted) const {
  auto const decayed = options_.exploration * std::pow(options_.exploration_decay, round - 1);
  auto const share = std::max(decayed, std::min(options_.exploration, options_.exploration_min));
  return static_cast<int>(std::lround(share * wanted));
}

std::vector<int> Oort::exploit(std::vector<Scored> const& ranked, int wanted, Key key) const {
  if (wanted == 0) return {};
  auto const last = std::min<std::size_t>(static_cast<std::size_t>(wanted), ranked.size()) - 1;
  auto const least = cut_off * ranked[last].score;
  Lowest lowest{wanted};
  for (auto const& [score, client] : ranked)
    if (score >= least) lowest.offer(weighted_score(key, client, score), client);
  return lowest.take();
}

std::vector<int> Oort::explore(int wanted, Available const& available, Key key) const {
  Lowest lowest{wanted};
  for (int client = 0; client < population_.clients; ++client) {
    if (arms_[static_cast<std::size_t>(client)].round > 0 || !may_take(available, client)) continue;
    auto const seconds = population_.seconds ? population_.seconds(client) : 1.0;
    lowest.offer(weighted_score(key, client, 1 / seconds), client);
  }
  return lowest.take();
}

std::vector<int> Oort::select(std::int64_t round, int wanted, Available const& available,
                              Key key) const {
  auto const own = key.with("selection").with("oort").with(static_cast<std::uint64_t>(round));
  auto const ranked = scores(round, available);
  auto const known = static_cast<int>(ranked.size());
  auto const to_exploit = std::min(known, wanted - explored(round, wanted));
  auto chosen = explore(wanted - to_exploit, available, own.with("explore"));
  auto const rest = std::min(known, wanted - static_cast<int>(chosen.size()));
  auto const exploited = exploit(ranked, rest, own.with("exploit"));
  chosen.insert(chosen.end(), exploited.begin(), exploited.end());
  std::ranges::sort(chosen);
  return chosen;
}

NamedArrays Oort::state() const {
  std::vector<double> utility, seconds;
  std::vector<std::int64_t> round;
  for (auto const& arm : arms_) {
    utility.push_back(arm.utility);
    seconds.push_back(arm.seconds);
    round.push_back(arm.round);
  }
  NamedArrays state;
  state.put("utility", std::move(utility));
  state.put("seconds", std::move(seconds));
  state.put("round", std::move(round));
  state.put("window_utility", window_utility_);
  return state;
}

void Oort::restore(NamedArrays const& state) {
  auto const& utility = state.get<double>("utility");
  auto const& seconds = state.get<double>("seconds");
  auto const& round = state.get<std::int64_t>("round");
  for (std::size_t i = 0; i < arms_.size(); ++i)
    arms_[i] = {utility.at(i), seconds.at(i), round.at(i)};
  window_utility_ = state.get<std::int64_t>("window_utility");
}

}  // namespace canopy::federate
