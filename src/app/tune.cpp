#include "canopy/app/tune.hpp"

#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/app/distributed.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/comm/lost_peer.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/tune/block.hpp"
#include "canopy/tune/importances.hpp"
#include "canopy/tune/workbench.hpp"

#include "run_parts.hpp"
#include "run_tables.hpp"
#include "tune_task.hpp"
#include "tune_verdict.hpp"
#include "tune_view.hpp"

namespace canopy::app {

void TuneSettings::describe(Options& o) {
  o.group("Data");
  source.describe(o);
  o.row("test-size", test_size, "share of rows kept out of the search to score the final model on",
        between(0.0, 0.9));
  search.describe(o);
  simulation.describe(o);
  common.describe(o);
}

namespace {

using tune::Ending;
using tune::Trial;

/// The coordinator of one run: owns its files, drives the search, writes the record.
class Coordinator {
 public:
  Coordinator(comm::Communicator const& comm, TuneSettings const& settings, TuneTask& task,
              tune::Workbench const& bench, int block, std::vector<std::string> hosts,
              Phases& phases)
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

  record::RunRecord run(comm::Farm& farm) {
    farm_ = &farm;
    tune::SearchPlan plan{settings_.search, bench_.learner(), settings_.common.seed};
    parameters_ = plan.parameters();
    start_ = start_run(settings_.common, identity_);
    if (start_.complete) return *start_.complete;
    auto& journal = *start_.journal;
    auto const& records = start_.records;
    if (comm::launch().by_mpirun) signals::sync_and_leave_on_terminate(journal.descriptor());
    tune::Search search{farm, journal, std::move(plan), block_};
    search_ = &search;
    search.restore(records);
    if (!records.empty())
      event("resume", fmt::format("{} folds taken over from the journal", search.folds_restored()));
    try {
      return drive(farm, search);
    } catch (comm::NoWorkersLeft const& e) {
      fmt::print(stderr, "canopy: {}\n", e.what());
      search.stop("interrupted");
      return finish_interrupted(farm, search);
    } catch (std::exception const& e) {
      event("failure", e.what());
      record::write(make_record(search, "failed", 1), start_.files.run_file);
      throw;
    }
  }

 private:
  record::RunRecord drive(comm::Farm& farm, tune::Search& search) {
    auto const& common = settings_.common;
    if (!common.quiet)
      fmt::print("canopy tune: {} ({} rows), {}, {} of {} trials x {} folds, {} on {}\n",
                 settings_.source.data, text::grouped(std::ssize(bench_.rows())),
                 settings_.search.model, settings_.search.search, search.plan().trials_expected(),
                 settings_.search.folds_per_trial(),
                 size_ == 1 ? "1 rank in place" : fmt::format("{} workers", size_ - 1),
                 text::join(distinct(hosts_), ", "));
    if (!common.quiet && block_ > 1)
      fmt::print(
          "trials take up to {} ranks: they do not outlive a lost rank, the run then ends and "
          "--resume goes on\n",
          block_);
    auto const& plan = search.plan();
    auto const needed = plan.lag_for(farm.workers());
    if (!common.quiet && !plan.decides_at_once() && settings_.search.lag.value_or(needed) < needed)
      fmt::print("some of {} workers will wait for decisions: --lag {} would keep all busy\n",
                 farm.workers(), needed);
    std::fflush(stdout);
    TuneView view{
        common.quiet ? ProgressMode::none : common.progress,
        fmt::format("canopy tune {} -> {}", settings_.source.data, start_.files.run_file.string())};
    phases_.begin("search");
    auto const ending = search.run({settings_.search.time_limit, [this] { return interrupted(); }},
                                   [&](tune::Search const& now) {
                                     view.watch(now);
                                     checkpoint(now);
                                   });
    view.finish();
    if (ending == Ending::time_limit) event("time-limit", "nothing new was begun");
    if (ending == Ending::interrupted) return finish_interrupted(farm, search);
    auto const* best = tune::best_trial(search.trials());
    try {
      if (best != nullptr) {
        fit_final_model(farm, *best);
        judge(farm, search, *best);
      }
    } catch (Stopped const&) {
      return finish_interrupted(farm, search);
    }
    return finish(farm, search, best);
  }

  /// Signals and the end of the allocation; asked all the time.
  bool interrupted() {
    note_losses();
    auto const late = allocation_ && phases_.seconds() > *allocation_;
    if (!late && !signals::stop_requested()) return false;
    if (!said_) event(late ? "walltime" : "signal", "stopping; everything finished is saved");
    said_ = true;
    return true;
  }

  void note_losses() {
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
    losses_told_ = losses.size();
    if (block_ > 1) end_after_loss();
  }

  /// Ranks that work together with a lost one wait for it in vain.
  [[noreturn]] void end_after_loss() {
    start_.journal->sync();
    auto const& loss = farm_->losses().back();
    fmt::print(stderr,
               "canopy: rank {} is lost: {}; all folds that are finished are saved, go on with "
               "--resume\n",
               1 + (loss.rank.value - 1) * block_, loss.reason);
    comm::Environment::abort(1);
  }

  /// A run file to look at while a long search goes on.
  void checkpoint(tune::Search const& search) {
    constexpr double every = 60;
    if (phases_.seconds() < next_checkpoint_) return;
    if (next_checkpoint_ > 0)
      record::write(make_record(search, "interrupted", static_cast<int>(ExitCode::interrupted)),
                    start_.files.run_file);
    next_checkpoint_ = phases_.seconds() + every;
  }

  void fit_final_model(comm::Farm& farm, Trial const& best) {
    phases_.begin("refit");
    task_.refit({farm, bench_, [this] { return interrupted(); }}, best.configuration);
    phases_.begin("evaluate");
    farm.expect_silence();
    evaluate(best);
    phases_.end();
  }

  void judge(comm::Farm& farm, tune::Search const& search, Trial const& best) {
    verdict_.make(
        {farm, *start_.journal, start_.records, [this] { return interrupted(); }, phases_},
        search.trials(), best);
    if (!verdict_.remark().empty()) event("verdict", verdict_.remark());
  }

  /// Ranks that a worker leads were busy when it was.
  std::vector<comm::RankUse> of_all_ranks(std::vector<comm::RankUse> const& of_farm) const {
    if (block_ == 1) return of_farm;
    std::vector<comm::RankUse> all{of_farm.front()};
    for (std::size_t rank = 1; rank < hosts_.size(); ++rank) {
      all.push_back(of_farm[1 + (rank - 1) / static_cast<std::size_t>(block_)]);
      bool const leads = (rank - 1) % static_cast<std::size_t>(block_) == 0;
      if (!leads)
        all.back().comm_seconds = 0, all.back().bytes_sent = all.back().bytes_received = 0;
    }
    return all;
  }

  /// On rows the model has not seen, one way or another.
  void evaluate(Trial const& best) {
    evaluation_ = task_.evaluate_unseen();
    if (evaluation_) return;
    data::ConfusionMatrix out_of_fold{bench_.data().classes()};
    for (auto const& fold : best.folds)
      out_of_fold += data::ConfusionMatrix::from_counts(fold->confusion);
    evaluation_ = {std::move(out_of_fold), "out-of-fold", settings_.search.scoring,
                   best.mean_score()};
  }

  record::RunRecord finish_interrupted(comm::Farm& farm, tune::Search const& search) {
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

  record::RunRecord finish(comm::Farm& farm, tune::Search const& search, Trial const* best) {
    uses_ = of_all_ranks(farm.shut_down());
    note_losses();
    auto const failed = std::ranges::count(search.trials(), Trial::Status::failed, &Trial::status);
    phases_.begin("write");
    auto const code = failed > 0 ? ExitCode::partial : ExitCode::done;
    auto record =
        make_record(search, best == nullptr ? "failed" : "complete", static_cast<int>(code));
    record::write(record, start_.files.run_file);
    signals::sync_and_leave_on_terminate(-1);
    start_.journal->remove();
    if (!settings_.common.quiet) print_result(search, failed);
    return record;
  }

  void print_result(tune::Search const& search, std::ptrdiff_t failed) const {
    fmt::print("\n{}", tune_result(search));
    if (evaluation_ && evaluation_->rows_from != "out-of-fold")
      fmt::print("{:<8} {:.4f} {} of the final model\n", evaluation_->rows_from, evaluation_->score,
                 evaluation_->scoring);
    fmt::print("{}", verdict_.text());
    if (failed > 0) {
      fmt::print("{} trial{} failed:\n", failed, failed == 1 ? "" : "s");
      for (auto const& trial : search.trials())
        if (trial.status == Trial::Status::failed)
          fmt::print("  trial {}: {}\n", trial.id, trial.stop_reason);
    }
    fmt::print("run file {}\n", start_.files.run_file.string());
  }

  std::string tune_result(tune::Search const& search) const {
    return result_text(search.trials(), parameters_, settings_.search.scoring);
  }

  void event(std::string kind, std::string text) {
    events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
  }

  Table ranks() const {
    return ranks_table(uses_, hosts_, roles_of(farm_->losses(), uses_.size(), "coordinator"));
  }

  record::RunRecord make_record(tune::Search const& search, std::string status,
                                int exit_code) const {
    auto record = begin_record(identity_, settings_.common, hosts_, phases_);
    record.status = std::move(status);
    record.exit_code = exit_code;
    record.tables = {tune::trials_table(search.trials(), parameters_),
                     tune::tasks_table(search.tasks()), ranks(), phases_.table(),
                     events_table(events_)};
    if (settings_.search.scheduler != "none")
      record.tables.push_back(tune::rungs_table(search.trials()));
    if (settings_.search.slices)
      record.tables.push_back(tune::slices_table(search.trials(), search.plan().axes()));
    auto const& plan = search.plan();
    if (plan.finished() && !plan.space().searched().empty())
      record.tables.push_back(tune::importances_table(
          tune::importances(plan.space(), plan.observations(), Key{record.seed})));
    if (auto const* best = tune::best_trial(search.trials()))
      record.tables.push_back(tune::trial_table("best", *best, parameters_));
    if (search.trials().front().status == Trial::Status::complete)
      record.tables.push_back(tune::trial_table("default", search.trials().front(), parameters_));
    if (evaluation_)
      record.tables.insert(record.tables.end(),
                           {confusion_table(evaluation_->confusion, task_.header().class_names),
                            evaluation_table({*evaluation_})});
    if (auto table = verdict_.table()) record.tables.push_back(std::move(*table));
    task_.add_model(record);
    return record;
  }

  TuneSettings const& settings_;
  TuneTask& task_;
  tune::Workbench const& bench_;
  int block_;  ///< ranks behind each worker of the farm
  VerdictMaker verdict_;
  std::vector<std::string> hosts_;
  Phases& phases_;
  int size_;
  comm::Farm const* farm_ = nullptr;
  tune::Search const* search_ = nullptr;
  std::size_t losses_told_ = 0;
  RunStart start_;
  std::optional<double> allocation_;
  RunIdentity identity_;
  std::vector<std::string> parameters_;
  double next_checkpoint_ = 0;
  bool said_ = false;
  std::vector<Event> events_;
  std::vector<comm::RankUse> uses_;
  std::optional<Evaluation> evaluation_;
};

/// Ends the job when a rank is lost among those who work on a task together: the others may be
/// anywhere.
template <class Step>
auto or_abort(Step step) {
  try {
    return step();
  } catch (comm::LostPeer const& e) {
    fmt::print(
        stderr,
        "canopy: a trial of several ranks has lost one of them, as {} saw: {}; all folds that "
        "are finished are saved, go on with --resume\n",
        comm::host_name(), e.what());
    comm::Environment::abort(1);
  }
}

}  // namespace

record::RunRecord run(comm::Communicator const& comm, TuneSettings const& settings,
                      std::function<void()> const& before_task) {
  comm::Deadline end;
  Phases phases;
  auto const task = make_tune_task(comm, settings, phases);
  auto const hosts = comm::hosts(comm);
  tune::Block block{comm, settings.search.most_ranks_per_trial()};
  std::optional<tune::Workbench> bench;
  comm.together("folds", [&] {
    settings.search.check();
    auto data = task->learner_data();
    data.team = [&]() -> comm::Communicator const& { return block.team(); };
    bench.emplace(std::move(data), task->rows(), settings.search, settings.common.seed);
  });
  auto const work = [&](tune::Task const& piece, StopToken const& stop) {
    return bench->work(piece, stop);
  };
  record::RunRecord record;
  comm.together("tune", [&] {
    if (block.farm()) {
      comm::Farm farm{*block.farm(), [&](Bytes const& payload, StopToken const& stop) {
                        if (before_task) before_task();
                        return or_abort([&] {
                          return block.lead(from_bytes<tune::Task>(payload), stop, work);
                        });
                      }};
      if (comm.is_root())
        record = lead(farm, [&] {
          return Coordinator{comm, settings, *task, *bench, block.size(), hosts, phases}.run(farm);
        });
      else
        serve(farm);
      block.dismiss();
    } else {
      or_abort([&] { block.follow(work); });
    }
    end.set(seconds_to_end, 1);
  });
  record.exit_code = comm.broadcast(record.exit_code);
  record.status = comm.broadcast(record.status);
  return record;
}

int run_tune(comm::Communicator const& comm, std::span<std::string const> words) {
  TuneSettings settings;
  if (!read_settings(comm, "tune",
                     "Searches hyper-parameters by cross-validation over MPI ranks: rank 0 "
                     "coordinates, the others run folds.",
                     settings, words))
    return 0;
  if (settings.simulation.simulate.empty()) return run(comm, settings).exit_code;
  comm.together("simulate", [&] {
    if (!comm.is_root()) return;
    Options options;
    settings.describe(options);
    simulate(settings.common, settings.search, settings.simulation, options.to_toml());
  });
  return 0;
}

}  // namespace canopy::app
