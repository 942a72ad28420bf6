#include "canopy/tune/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "plan_space.hpp"

namespace canopy::tune {
namespace {

SearchSettings const& checked(SearchSettings const& settings) {
  settings.check();
  return settings;
}

}  // namespace

SearchPlan::SearchPlan(SearchSettings const& settings, Learner const& learner, std::uint64_t seed)
    : settings_{checked(settings)},
      learner_{learner},
      space_{proposal_space(settings, learner)},
      resources_{rungs(settings, learner)},
      sampler_{samplers().make(
          settings.search, {space_, Key{seed}.with("sampler"), settings.trials, settings.pending})},
      scheduler_{
          schedulers().make(settings.scheduler, {resources_, settings.eta, settings.trials})},
      race_{races().make(settings.race, {settings.race_alpha, settings.trials, settings.folds,
                                         settings.race_margin, settings.scoring})},
      looks_{sampler_->looks_back() || race_->looks() || settings.scheduler != "none"} {
  auto const whole = settings.space.value_or(learner.default_space());
  if (settings.slices) axes_ = SliceAxes{learner.nested(), whole, learner.defaults()};
  if (axes_.size() == 1)
    throw UserError{fmt::format(
        "--slices is true but [space] searches none of {}: a fit has one slice; search one of "
        "them, or leave --slices out",
        text::join(learner.nested(), ", "))};
  if (!settings.points.empty()) points_ = read_points(settings.points, whole);
  for (auto const& point : points_) {
    std::vector<std::string> names;
    for (auto const& [name, value] : point) names.push_back(name);
    refuse_unknown_names("--points " + settings.points, names, learner.defaults());
  }
  for (auto const& point : points_)
    if (settings.scheduler != "none" && find(point, learner.resource()) != nullptr)
      throw UserError{fmt::format(
          "{} has {}, which --scheduler {} gives out itself; take the column away, or use "
          "--scheduler none",
          settings.points, learner.resource(), settings.scheduler)};
  std::ranges::reverse(points_);
}

// ---- decisions

std::vector<FoldId> SearchPlan::advance(bool hungry) {
  if (is_reproducible()) {
    while (!finished_ && decide()) continue;
  } else if (hungry && !finished_) {
    reveal_all_done();
    decide();
  }
  return std::exchange(ready_, {});
}

/// False when it is not yet time for the next decision.
bool SearchPlan::decide() {
  if (looks_ && settings_.lag)
    for (; revealed_ <= decisions() - *settings_.lag; ++revealed_) {
      auto const& job = jobs_[index(revealed_)];
      if (!job.done) return false;
      reveal(job);
    }
  auto const move = next_move();
  switch (move.kind) {
    case Move::Kind::begin: {
      auto next = next_configuration();
      if (!next) return true;  // exhausted: the next decision knows
      begin_trial(std::move(next->first), std::move(next->second), move.rung);
      return true;
    }
    case Move::Kind::climb:
      begin_job(move.trial, move.rung, false);
      return true;
    case Move::Kind::stop: {
      auto& trial = trials_[index(move.trial)];
      trial.status = Trial::Status::pruned;
      trial.stop_reason = move.reason;
      standings_[index(move.trial)].out = true;
      jobs_.push_back({});
      return true;
    }
    case Move::Kind::wait:
      if (!looks_ || !settings_.lag) return false;
      jobs_.push_back({});
      return true;
    case Move::Kind::finish:
      if (!confirm_best_slice()) finish();
      return !finished_;
  }
  return false;
}

/// The default always climbs to the top, for everything is compared with it.
Move SearchPlan::next_move() {
  if (!standings_.empty()) {
    auto const& first = standings_.front();
    if (!first.busy && !first.out && first.rung() < top())
      return {Move::Kind::climb, first.rung() + 1, 0};
  }
  bool const may_go_on = !early_ && (looks_ || may_begin());
  if (may_go_on) return scheduler_->next(standings_, may_begin());
  return {undone_ == 0 ? Move::Kind::finish : Move::Kind::wait};
}

bool SearchPlan::may_begin() const {
  return !exhausted_ && std::ssize(trials_) < settings_.trials;
}

/// The default, the given points, then what the sampler proposes, each once.
std::optional<std::pair<std::string, Configuration>> SearchPlan::next_configuration() {
  if (trials_.empty())
    return std::pair{
        std::string{"default"},
        default_configuration(
            settings_.slices ? settings_.space.value_or(learner_.default_space()) : space_,
            learner_.defaults())};
  while (!points_.empty()) {
    auto point = std::move(points_.back());
    points_.pop_back();
    if (is_new(point)) return std::pair{std::string{"points"}, std::move(point)};
  }
  // A small space repeats itself: then it is exhausted.
  for (auto patience = 20 * settings_.trials; patience > 0; --patience) {
    auto configuration = space_.searched().empty() && proposals_ == 0
                             ? std::optional{space_.fixed()}  // there is nothing else
                             : sampler_->propose(proposals_, observations_);
    ++proposals_;
    if (!configuration) break;
    if (is_new(*configuration)) return std::pair{settings_.search, std::move(*configuration)};
  }
  exhausted_ = true;
  return {};
}

bool SearchPlan::is_new(Configuration configuration) {
  std::ranges::sort(configuration);
  return seen_.insert(to_text(configuration)).second;
}

void SearchPlan::begin_trial(std::string origin, Configuration configuration, int rung) {
  auto const sliced = !axes_.empty() && origin == settings_.search;
  if (trials_.empty()) is_new(configuration);
  auto& trial = trials_.emplace_back();
  trial.id = static_cast<int>(trials_.size()) - 1;
  trial.origin = std::move(origin);
  trial.configuration = std::move(configuration);
  trial.folds.resize(index(settings_.folds_per_trial()));
  if (sampler_->looks_back()) observations_.push_back({trial.configuration, {}, false, 0});
  if (settings_.scheduler != "none")
    put(trial.configuration, learner_.resource(), std::to_string(resources_.back()));
  standings_.push_back({rung, {}, true, false});
  try {
    trial.configuration = learner_.spelled_out(trial.configuration);
    learner_.check(trial.configuration);
  } catch (UserError const& e) {
    trial.status = Trial::Status::failed;
    trial.stop_reason = e.what();
    jobs_.push_back({.trial = trial.id, .rung = rung});
    if (!is_reproducible()) arrived_.push_back(decisions() - 1);
    return;
  }
  begin_job(trial.id, rung, sliced);
}

/// The best slice once more, as a trial of its own, fitted as it stands: the final model's folds
/// are then known in full, and a slice that is not what it claims to be comes to light.
bool SearchPlan::confirm_best_slice() {
  auto const* best = best_trial(trials_);
  if (axes_.empty() || confirmed_ || best == nullptr || best->slice_scores().empty()) return false;
  confirmed_ = true;
  slice_score_ = best->mean_score();
  begin_trial("slice", best->configuration, top());
  return true;
}

void SearchPlan::begin_job(int number, int rung, bool sliced) {
  auto& trial = trials_[index(number)];
  trial.resource = resources_[index(rung)];
  trial.folds.assign(trial.folds.size(), std::nullopt);
  standings_[index(number)].busy = true;
  auto const races = race_->looks() && rung == top() && number != 0 && trial.origin != "slice";
  auto const id = decisions();
  jobs_.push_back({number, rung, races ? incumbent_ : -1, 0, sliced, false});
  ++undone_;
  jobs_.back().cost = learner_.cost(configuration({id, 0}));
  auto const folds = jobs_.back().incumbent < 0 ? settings_.folds_per_trial() : 1;
  for (int fold = 0; fold < folds; ++fold) hand_out(id, fold);
}

void SearchPlan::hand_out(std::int64_t id, int fold) {
  ++jobs_[index(id)].open;
  ++handed_out_;
  ready_.push_back({id, fold});
}

void SearchPlan::finish() {
  finished_ = true;
  if (early_) return stop(*early_);
  for (auto& trial : trials_) {
    if (trial.status != Trial::Status::running) continue;
    auto const& last = trial.climbed.back();
    trial.status = Trial::Status::pruned;
    trial.stop_reason = fmt::format("{}: {:.4f} with {} was not enough", settings_.scheduler,
                                    last.score, last.resource);
  }
}

void SearchPlan::stop(std::string const& reason) {
  for (auto& trial : trials_) {
    if (trial.status != Trial::Status::running) continue;
    trial.status = Trial::Status::stopped;
    trial.stop_reason = reason;
  }
}

// ---- outcomes

void SearchPlan::settle(FoldId id, FoldScore score) {
  auto& trial = trials_[index(job(id).trial)];
  trial.folds[index(id.fold)] = std::move(score);
  if (job(id).sliced) {  // until it is complete, the best slice so far stands for the trial
    auto const scores = trial.slice_scores();
    auto const best = index(std::ranges::max_element(scores) - scores.begin());
    for (auto& fold : trial.folds)
      if (fold) fold->score = fold->slices[best];
    for (auto const& [name, value] : axes_.at(best)) put(trial.configuration, name, value);
  }
  fold_done(id);
}

void SearchPlan::fail(FoldId id, std::string const& error) {
  job(id).errors[id.fold] = error;
  fold_done(id);
}

void SearchPlan::abandon(FoldId id, std::string const& reason) {
  auto& trial = trials_[index(job(id).trial)];
  trial.status = Trial::Status::stopped;
  trial.stop_reason = reason;
  fold_done(id);
}

void SearchPlan::fold_done(FoldId id) {
  auto& mine = job(id);
  --mine.open;
  auto& trial = trials_[index(mine.trial)];
  auto const is_going_on = trial.status == Trial::Status::running && mine.errors.empty();
  if (mine.incumbent >= 0 && is_going_on && id.fold + 1 < settings_.folds_per_trial()) {
    auto const scores = [](Trial const& t) {
      std::vector<FoldScore const*> folds;
      for (auto const& fold : t.folds)
        if (fold) folds.push_back(&*fold);
      return folds;
    };
    auto const why = race_->reject(scores(trial), scores(trials_[index(mine.incumbent)]));
    if (!why && !early_) return hand_out(id.job, id.fold + 1);
    trial.status = why ? Trial::Status::pruned : Trial::Status::stopped;
    trial.stop_reason =
        why ? fmt::format("{}: {} (trial {})", settings_.race, *why, mine.incumbent) : *early_;
  }
  if (mine.open > 0) return;
  close(mine);
  if (!is_reproducible()) arrived_.push_back(id.job);
}

void SearchPlan::close(Job& mine) {
  mine.done = true;
  --undone_;
  auto& trial = trials_[index(mine.trial)];
  if (!mine.errors.empty()) {
    auto const& [fold, error] = *mine.errors.begin();  // whichever fold failed first in time
    trial.status = Trial::Status::failed;
    trial.stop_reason = fmt::format("fold {}: {}", fold, error);
  }
  if (trial.status != Trial::Status::running) return;
  if (trial.origin == "slice" && trial.score_so_far() != slice_score_) {
    trial.status = Trial::Status::failed;
    trial.stop_reason = fmt::format("scores {} and the slice it stands for {}; please report this",
                                    trial.score_so_far(), slice_score_);
    return;
  }
  if (settings_.scheduler != "none")
    trial.climbed.push_back({trial.resource, trial.score_so_far()});
  if (mine.rung == top()) trial.status = Trial::Status::complete;
}

/// From now on decisions know what became of the job.
void SearchPlan::reveal(Job const& mine) {
  if (mine.trial < 0) return;
  auto const& trial = trials_[index(mine.trial)];
  auto& standing = standings_[index(mine.trial)];
  using enum Trial::Status;
  standing.busy = false;
  standing.out = trial.status != running && trial.status != complete;
  if (!standing.out) standing.scores.push_back(trial.score_so_far());
  if (sampler_->looks_back() && trial.origin != "slice")
    observations_[index(mine.trial)] = observation(trial);
  if (trial.status == complete &&
      (incumbent_ < 0 || trial.mean_score() > trials_[index(incumbent_)].mean_score()))
    incumbent_ = mine.trial;
}

/// A trial that lost a race counts with the folds it had.
Observation SearchPlan::observation(Trial const& trial) const {
  Observation seen{trial.configuration, {}, trial.status == Trial::Status::failed, 0};
  if (!seen.failed && trial.folds_done() > 0) seen.score = trial.score_so_far();
  if (trial.resource != resources_.back()) seen.resource = trial.resource;
  return seen;
}

std::vector<Observation> SearchPlan::observations() const {
  std::vector<Observation> all;
  for (auto const& trial : trials_)
    if (trial.origin != "slice") all.push_back(observation(trial));
  return all;
}

void SearchPlan::reveal_all_done() {
  for (auto const id : std::exchange(arrived_, {})) reveal(jobs_[index(id)]);
}

// ---- what others ask

Configuration SearchPlan::configuration(FoldId fold) const {
  auto configuration = trial(fold).configuration;
  if (settings_.scheduler != "none")
    put(configuration, learner_.resource(), std::to_string(resources_[index(job(fold).rung)]));
  return configuration;
}

int SearchPlan::ranks(FoldId fold) const {
  auto const& by_rung = settings_.ranks_per_trial;
  return by_rung[std::min(index(job(fold).rung), by_rung.size() - 1)];
}

std::vector<std::string> SearchPlan::parameters() const {
  auto names = settings_.space.value_or(learner_.default_space()).names();
  auto const add = [&](std::string const& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  for (auto const& axis : axes_.axes()) add(axis.name);
  if (settings_.scheduler != "none") add(learner_.resource());
  return names;
}

int SearchPlan::trials_expected() const {
  return may_begin() && !early_ ? settings_.trials : static_cast<int>(trials_.size());
}

int SearchPlan::lag_for(int workers) const {
  auto const at_once = race_->looks() ? 1 : settings_.folds_per_trial();
  return (2 * workers + at_once - 1) / at_once;
}

}  // namespace canopy::tune
