#include "canopy/tune/scheduler.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace canopy::tune {
namespace {

using Trials = std::span<Standing const>;

bool can_climb(Standing const& trial, int from) {
  return trial.rung() == from && !trial.busy && !trial.out;
}

/// What is left to do when nobody climbs or begins.
Move rest(Trials trials) {
  auto const busy = std::ranges::any_of(trials, [](Standing const& t) { return t.busy && !t.out; });
  return {busy ? Move::Kind::wait : Move::Kind::finish};
}

/// Those of trials first .. last-1 that have a score at the rung, best first.
std::vector<int> ranking(Trials trials, int rung, std::size_t first, std::size_t last) {
  std::vector<int> order;
  for (auto i = first; i < last; ++i)
    if (trials[i].has(rung)) order.push_back(static_cast<int>(i));
  std::ranges::stable_sort(order, std::greater{},
                           [&](int i) { return trials[static_cast<std::size_t>(i)].score(rung); });
  return order;
}

/// The best that may go on from the rung: among the first `places`, and not yet gone.
int climber(Trials trials, std::vector<int> const& ranking, std::size_t places, int rung) {
  for (std::size_t i = 0; i < std::min(places, ranking.size()); ++i)
    if (can_climb(trials[static_cast<std::size_t>(ranking[i])], rung)) return ranking[i];
  return -1;
}

/// Everybody gets everything at once.
class None final : public Scheduler {
 public:
  using Scheduler::Scheduler;
  Move next(Trials trials, bool can_begin) const override {
    return can_begin ? Move{Move::Kind::begin, top()} : rest(trials);
  }
};

/// Golovin et al. 2017, "Google Vizier", section 3.2.2, at rungs: who is below the median of those
/// who came as far goes no further.
class Median final : public Scheduler {
 public:
  using Scheduler::Scheduler;
  Move next(Trials trials, bool can_begin) const override {
    for (std::size_t i = 0; i < trials.size(); ++i) {
      auto const& trial = trials[i];
      if (trial.busy || trial.out || trial.rung() >= top()) continue;
      auto const median = median_at(trials, trial.rung());
      if (trial.score(trial.rung()) >= median)
        return {Move::Kind::climb, trial.rung() + 1, static_cast<int>(i)};
      return {Move::Kind::stop, trial.rung(), static_cast<int>(i),
              fmt::format("median: {:.4f} with {}, below {:.4f}", trial.score(trial.rung()),
                          settings_.resources[static_cast<std::size_t>(trial.rung())], median)};
    }
    return can_begin ? Move{Move::Kind::begin, 0} : rest(trials);
  }

 private:
  /// Below all scores while fewer than five tell.
  static double median_at(Trials trials, int rung) {
    constexpr std::size_t enough = 5;
    auto const order = ranking(trials, rung, 0, trials.size());
    if (order.size() < enough) return -INFINITY;
    auto const score = [&](std::size_t place) {
      return trials[static_cast<std::size_t>(order[place])].score(rung);
    };
    return (score((order.size() - 1) / 2) + score(order.size() / 2)) / 2;
  }
};

/// Li et al. 2020, "A system for massively parallel hyperparameter tuning" (ASHA), algorithm 2: as
/// soon as a trial is among the best 1/eta of those who came as far, it climbs; else a new one
/// begins.
class Asha final : public Scheduler {
 public:
  using Scheduler::Scheduler;
  Move next(Trials trials, bool can_begin) const override {
    for (int rung = top() - 1; rung >= 0; --rung) {
      auto const order = ranking(trials, rung, 0, trials.size());
      auto const places = static_cast<double>(order.size()) / settings_.eta;
      auto const found = climber(trials, order, static_cast<std::size_t>(places), rung);
      if (found >= 0) return {Move::Kind::climb, rung + 1, found};
    }
    return can_begin ? Move{Move::Kind::begin, 0} : rest(trials);
  }
};

/// Successive halving (Jamieson and Talwalkar 2016) in brackets of trials that begin at a rung of
/// their own, one after the other; a bracket that waits for its last trial lets the next one begin.
class Halving : public Scheduler {
 public:
  struct Bracket {
    int first_rung;
    std::size_t trials;
  };

  /// The brackets follow each other, and from the first again.
  Halving(SchedulerSettings settings, std::vector<Bracket> brackets)
      : Scheduler{std::move(settings)}, brackets_{std::move(brackets)} {}

  Move next(Trials trials, bool can_begin) const override {
    std::size_t first = 0;
    for (std::size_t number = 0;; ++number) {
      auto const& bracket = brackets_[number % brackets_.size()];
      auto const last = first + bracket.trials;
      if (last > trials.size() && can_begin) return {Move::Kind::begin, bracket.first_rung};
      auto const move = within(trials, first, std::min(last, trials.size()), bracket.first_rung);
      if (move.kind == Move::Kind::climb) return move;
      if (last >= trials.size()) {
        if (!can_begin) return rest(trials);
        return {Move::Kind::begin, brackets_[(number + 1) % brackets_.size()].first_rung};
      }
      first = last;
    }
  }

 private:
  /// A rung is decided when everybody has come to it who will.
  Move within(Trials trials, std::size_t first, std::size_t last, int rung) const {
    for (; rung < top(); ++rung) {
      for (auto i = first; i < last; ++i)
        if (trials[i].busy && !trials[i].out && trials[i].rung() < rung) return {};
      auto const order = ranking(trials, rung, first, last);
      auto const places = static_cast<double>(order.size()) / settings_.eta;
      auto const found =
          climber(trials, order, std::max<std::size_t>(1, static_cast<std::size_t>(places)), rung);
      if (found >= 0) return {Move::Kind::climb, rung + 1, found};
    }
    return {};
  }

  std::vector<Bracket> brackets_;
};

std::unique_ptr<Scheduler> successive_halving(SchedulerSettings const& settings) {
  std::vector<Halving::Bracket> const one{{0, static_cast<std::size_t>(settings.trials)}};
  return std::make_unique<Halving>(settings, one);
}

/// Li et al. 2018, "Hyperband", algorithm 1: brackets from many trials that begin with little to
/// few that begin with everything.
std::unique_ptr<Scheduler> hyperband(SchedulerSettings const& settings) {
  auto const rungs = static_cast<int>(settings.resources.size());
  std::vector<Halving::Bracket> brackets;
  for (int s = rungs - 1; s >= 0; --s) {
    auto const trials = std::ceil(rungs * std::pow(settings.eta, s) / (s + 1));
    brackets.push_back({rungs - 1 - s, static_cast<std::size_t>(trials)});
  }
  return std::make_unique<Halving>(settings, std::move(brackets));
}

}  // namespace

std::vector<int> rungs_between(int least, int most, double eta) {
  std::vector<int> rungs{most};
  for (double next = most / eta; std::lround(next) >= std::max(1, least); next /= eta) {
    auto const resource = static_cast<int>(std::lround(next));
    if (resource < rungs.back()) rungs.push_back(resource);
  }
  std::ranges::reverse(rungs);
  return rungs;
}

Registry<Scheduler, SchedulerSettings const&> const& schedulers() {
  static Registry<Scheduler, SchedulerSettings const&> const list{
      {"none", "every trial gets all trees or epochs",
       [](auto const& s) { return std::make_unique<None>(s); }},
      {"median", "trials below the median go no further",
       [](auto const& s) { return std::make_unique<Median>(s); }},
      {"halving", "one in eta goes on, when all have come as far", successive_halving},
      {"asha", "one in eta goes on, as soon as it is among the best",
       [](auto const& s) { return std::make_unique<Asha>(s); }},
      {"hyperband", "halving in brackets that begin with more and more", hyperband},
  };
  return list;
}

}  // namespace canopy::tune
