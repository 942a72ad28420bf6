#include "tune_coordinator.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/comm/environment.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/tune/importances.hpp"

#include "earlier_session.hpp"

namespace canopy::app {

using tune::Ending;
using tune::Trial;

TuneCoordinator::TuneCoordinator(comm::Communicator const& comm, TuneSettings const& settings,
                                 TuneTask& task, tune::Workbench const& bench, int block,
                                 std::vector<std::string> hosts, Phases& phases)
    : settings_{settings},
      task_{task},
      bench_{bench},
      block_{block},
      verdict_{settings, task, bench},
      hosts_{std::move(hosts)},
      phases_{phases},
      size_{comm.size()},
      allocation_{seconds_of_allocation(settings.search.walltime)} {
  auto copy = settings;
  Options options;
  copy.describe(options);
  identity_ = {"tune", options.to_toml(), task.fingerprint(), utc_now(), hosts_};
}

record::RunRecord TuneCoordinator::run(comm::Farm& farm) {
  farm_ = &farm;
  tune::SearchPlan plan{settings_.search, bench_.learner(), settings_.common.seed};
  parameters_ = plan.parameters();
  start_ = start_run(settings_.common, identity_);
  if (start_.complete) return *start_.complete;
  refuse_without_journal();
  auto& journal = *start_.journal;
  auto const& records = start_.records;
  if (comm::launch().by_mpirun) signals::sync_and_leave_on_terminate(journal.descriptor());
  tune::Search search{farm, journal, std::move(plan), block_};
  search_ = &search;
  search.restore(records);
  if (!records.empty()) {
    events_ = earlier_events(start_);
    event("resume", fmt::format("{} folds taken over from the journal", search.folds_restored()));
  }
  if (start_.resumes && search.folds_restored() == 0)
    tell_of_new_beginning(settings_.common, start_.files);
  try {
    return drive(farm, search);
  } catch (comm::NoWorkersLeft const& e) {
    view_->finish();
    note_losses();
    fmt::print(stderr, "canopy: {}\n", e.what());
    search.stop("interrupted");
    return finish_interrupted(farm, search);
  } catch (std::exception const& e) {
    event("failure", e.what());
    record::write(make_record(search, "failed", 1), start_.files.run_file);
    throw;
  }
}

/// A run file alone is not what a search can go on from, and a new beginning would replace it.
void TuneCoordinator::refuse_without_journal() {
  auto const& files = start_.files;
  if (!start_.resumes || !start_.records.empty() || !std::filesystem::exists(files.run_file))
    return;
  if (record::read_without_model(files.run_file).status == "interrupted")
    refuse(start_,
           fmt::format("--resume: {} is of an unfinished search, but the journal {} that it "
                       "goes on from is missing or empty; bring it back, or give another "
                       "--out, or --overwrite to begin anew",
                       files.run_file.string(), files.journal.string()));
}

record::RunRecord TuneCoordinator::drive(comm::Farm& farm, tune::Search& search) {
  auto const& common = settings_.common;
  if (!common.quiet) tell_what_begins(farm, search);
  view_.emplace(
      common.quiet ? ProgressMode::none : common.progress,
      fmt::format("canopy tune {} -> {}", settings_.source.data, start_.files.run_file.string()));
  phases_.begin("search");
  auto const ending = search.run({settings_.search.time_limit, [this] { return interrupted(); }},
                                 [&](tune::Search const& now) {
                                   view_->watch(now);
                                   checkpoint(now);
                                 });
  view_->finish();
  if (ending == Ending::time_limit) event("time-limit", "nothing new was begun");
  if (ending == Ending::interrupted) return finish_interrupted(farm, search);
  try {
    if (auto const* best = tune::best_trial(search.trials())) {
      judge(farm, search, *best);
      fit_final_model(farm, final_trial(search, *best));
    }
  } catch (Stopped const&) {
    return finish_interrupted(farm, search);
  }
  return finish(farm, search);
}

void TuneCoordinator::tell_what_begins(comm::Farm const& farm, tune::Search const& search) const {
  auto const& plan = search.plan();
  fmt::print("canopy tune: {} ({} rows), {}, {} of {} trials x {} folds, {} on {}\n",
             settings_.source.data, text::grouped(std::ssize(bench_.rows())),
             settings_.search.model, settings_.search.search, plan.trials_expected(),
             settings_.search.folds_per_trial(),
             size_ == 1 ? "1 rank in place" : fmt::format("{} workers", size_ - 1),
             text::join(distinct(hosts_), ", "));
  if (block_ > 1)
    fmt::print(
        "trials take up to {} ranks: they do not outlive a lost rank, the run then ends and "
        "--resume goes on\n",
        block_);
  auto const needed = plan.lag_for(farm.workers());
  if (!plan.decides_at_once() && settings_.search.lag.value_or(needed) < needed)
    fmt::print("some of {} workers will wait for decisions: --lag {} would keep all busy\n",
               farm.workers(), needed);
  std::fflush(stdout);
}

bool TuneCoordinator::interrupted() {
  note_losses();
  auto const late = allocation_ && phases_.seconds() > *allocation_;
  if (!late && !signals::stop_requested()) return false;
  if (!said_) event(late ? "walltime" : "signal", "stopping; everything finished is saved");
  said_ = true;
  return true;
}

void TuneCoordinator::note_losses() {
  auto const& losses = farm_->losses();
  if (losses_told_ == losses.size()) return;
  auto const name = [this](comm::TaskId task) {
    if (task >= tune::first_refit_task)
      return std::string{"a part of a final model, or of the verdict,"};
    auto const fold = search_->fold_of(task);
    return fmt::format("fold {} of trial {}", fold.fold, search_->plan().trial(fold).id);
  };
  for (auto& event : events_of(losses, losses_told_, hosts_, phases_.seconds(), name))
    events_.push_back(std::move(event));
  if (block_ > 1) end_after_loss();
  if (!settings_.common.quiet)
    for (auto const& line : lines_of(losses, losses_told_, hosts_, name)) view_->warn(line);
  losses_told_ = losses.size();
}

/// Ranks that work together with a lost one wait for it in vain.
void TuneCoordinator::end_after_loss() {
  start_.journal->sync();
  auto const& loss = farm_->losses().back();
  fmt::print(stderr,
             "canopy: rank {} is lost: {}; all folds that are finished are saved, go on with "
             "--resume\n",
             1 + (loss.rank.value - 1) * block_, loss.reason);
  comm::Environment::abort(1);
}

/// A run file to look at while a long search goes on.
void TuneCoordinator::checkpoint(tune::Search const& search) {
  constexpr double every = 60;
  if (phases_.seconds() < next_checkpoint_) return;
  if (next_checkpoint_ > 0)
    record::write(make_record(search, "interrupted", static_cast<int>(ExitCode::interrupted)),
                  start_.files.run_file);
  next_checkpoint_ = phases_.seconds() + every;
}

// ---- after the search

void TuneCoordinator::judge(comm::Farm& farm, tune::Search const& search, Trial const& best) {
  verdict_.make({farm, *start_.journal, start_.records, [this] { return interrupted(); }, phases_},
                search.trials(), best);
  if (!verdict_.remark().empty()) event("verdict", verdict_.remark());
}

Trial const& TuneCoordinator::final_trial(tune::Search const& search, Trial const& best) const {
  bool const is_default = verdict_.keeps_default() && settings_.search.refit == "advised";
  return is_default ? search.trials().front() : best;
}

void TuneCoordinator::fit_final_model(comm::Farm& farm, Trial const& trial) {
  RefitPlace const place{farm, bench_, [this] { return interrupted(); }, phases_};
  phases_.begin("refit");
  task_.refit(place, trial.configuration);
  final_ = &trial;
  phases_.begin("evaluate");
  evaluate(place, trial);
  phases_.end();
}

/// On rows the model has not seen, one way or another.
void TuneCoordinator::evaluate(RefitPlace const& place, Trial const& trial) {
  evaluation_ = task_.evaluate_unseen(place);
  if (evaluation_) return;
  auto out_of_fold = trial.confusion();
  if (!out_of_fold)
    return event("evaluation", fmt::format("none: trial {} is known by its slices only, for its "
                                           "best one was not fitted by itself",
                                           trial.id));
  evaluation_ = {std::move(*out_of_fold), "out-of-fold", settings_.search.scoring,
                 trial.mean_score()};
}

record::RunRecord TuneCoordinator::finish_interrupted(comm::Farm& farm,
                                                      tune::Search const& search) {
  uses_ = of_all_ranks(farm.shut_down());
  note_losses();
  start_.journal->sync();
  auto record = make_record(search, "interrupted", static_cast<int>(ExitCode::interrupted));
  record::write(record, start_.files.run_file);
  fmt::print(stderr,
             "canopy: stopped with {} of {} folds done, all saved; go on with: "
             "canopy tune ... --out {} --resume\n",
             search.folds_done(), search.folds_total(), start_.files.run_file.string());
  return record;
}

record::RunRecord TuneCoordinator::finish(comm::Farm& farm, tune::Search const& search) {
  uses_ = of_all_ranks(farm.shut_down());
  note_losses();
  auto const failed = std::ranges::count(search.trials(), Trial::Status::failed, &Trial::status);
  phases_.begin("write");
  auto const code = failed > 0 ? ExitCode::partial : ExitCode::done;
  auto record =
      make_record(search, final_ == nullptr ? "failed" : "complete", static_cast<int>(code));
  record::write(record, start_.files.run_file);
  signals::sync_and_leave_on_terminate(-1);
  start_.journal->remove();
  if (!settings_.common.quiet) print_result(search, failed);
  return record;
}

void TuneCoordinator::print_result(tune::Search const& search, std::ptrdiff_t failed) const {
  fmt::print("\n{}{}", result_text(search.trials(), parameters_, settings_.search.scoring),
             verdict_.text());
  if (final_ != nullptr)
    fmt::print("{}",
               model_text(*final_, *tune::best_trial(search.trials()), verdict_.keeps_default()));
  if (evaluation_ && evaluation_->rows_from != "out-of-fold")
    fmt::print("{:<8} {:.4f} {} of the final model\n", evaluation_->rows_from, evaluation_->score,
               evaluation_->scoring);
  if (failed > 0) {
    fmt::print("{} trial{} failed:\n", failed, failed == 1 ? "" : "s");
    for (auto const& trial : search.trials())
      if (trial.status == Trial::Status::failed)
        fmt::print("  trial {}: {}\n", trial.id, trial.stop_reason);
  }
  fmt::print("run file {}\n", start_.files.run_file.string());
}

/// Ranks that a worker leads were busy when it was.
std::vector<comm::RankUse> TuneCoordinator::of_all_ranks(
    std::vector<comm::RankUse> const& of_farm) const {
  if (block_ == 1) return of_farm;
  std::vector<comm::RankUse> all{of_farm.front()};
  for (std::size_t rank = 1; rank < hosts_.size(); ++rank) {
    all.push_back(of_farm[1 + (rank - 1) / static_cast<std::size_t>(block_)]);
    bool const leads = (rank - 1) % static_cast<std::size_t>(block_) == 0;
    if (!leads) all.back().comm_seconds = 0, all.back().bytes_sent = all.back().bytes_received = 0;
  }
  return all;
}

record::RunRecord TuneCoordinator::make_record(tune::Search const& search, std::string status,
                                               int exit_code) const {
  auto record = begin_record(identity_, settings_.common, hosts_, phases_);
  record.status = std::move(status);
  record.exit_code = exit_code;
  auto const& trials = search.trials();
  record.tables = {
      tune::trials_table(trials, parameters_), tune::tasks_table(search.tasks()),
      ranks_table(uses_, hosts_, roles_of(farm_->losses(), uses_.size(), "coordinator")),
      phases_.table(), events_table(events_)};
  auto const add = [&](Table table) { record.tables.push_back(std::move(table)); };
  if (settings_.search.scheduler != "none") add(tune::rungs_table(trials));
  auto const& plan = search.plan();
  if (settings_.search.slices) add(tune::slices_table(trials, plan.axes()));
  if (plan.finished() && !plan.space().searched().empty())
    add(tune::importances_table(
        tune::importances(plan.space(), plan.observations(), Key{record.seed})));
  if (auto const* best = tune::best_trial(trials))
    add(tune::trial_table("best", *best, parameters_));
  if (trials.front().status == Trial::Status::complete)
    add(tune::trial_table("default", trials.front(), parameters_));
  if (final_ != nullptr) add(tune::trial_table("final", *final_, parameters_));
  if (evaluation_) add_evaluations(record, {*evaluation_}, task_.header().class_names);
  if (auto table = verdict_.table()) add(std::move(*table));
  task_.add_model(record);
  return record;
}

void TuneCoordinator::event(std::string kind, std::string text) {
  events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
}

}  // namespace canopy::app
