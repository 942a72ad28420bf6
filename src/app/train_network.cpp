#include "train_network.hpp"

#include <algorithm>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/comm/environment.hpp"
#include "canopy/comm/lost_peer.hpp"
#include "canopy/comm/watch.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/nn/model.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/train/network/fit.hpp"

#include "earlier_session.hpp"
#include "network_checkpoint.hpp"
#include "network_task.hpp"
#include "network_view.hpp"
#include "run_parts.hpp"
#include "run_tables.hpp"

namespace canopy::app {
namespace {

/// Nobody can mend this: the others may be anywhere. The last checkpoint stands.
[[noreturn]] void give_up(comm::Communicator const& comm, std::string const& what,
                          comm::LostPeer const& e) {
  fmt::print(stderr, "canopy: {} failed, as rank {} on {} saw: {}; see --resume\n", what,
             comm.rank().value, comm::host_name(), e.what());
  comm::Environment::abort(1);
}

/// One run, on every rank. The root owns its files and speaks.
class NetworkTrainer {
 public:
  NetworkTrainer(comm::Communicator const& comm, TrainSettings const& settings,
                 SharedSamples const& data, NetworkTask const& task, Phases& phases)
      : comm_{comm},
        settings_{settings},
        data_{data},
        task_{task},
        phases_{phases},
        hosts_{comm::hosts(comm)},
        allocation_{seconds_of_allocation(settings.walltime)},
        key_{Key{settings.common.seed}.with("network")},
        training_{settings.network.training_options()},
        trace_{!settings.network.trace.empty()},
        fit_{{comm, task.network, task.feed, task.plan, training_, settings.network.strategy,
              trace_},
             task.rows.learn,
             task.rows.validate,
             key_,
             settings.network.fit} {
    auto copy = settings;
    Options options;
    copy.describe(options);
    identity_ = {"train", options.to_toml(), data.fingerprint, utc_now(), hosts_};
    places_ = comm.gather(fit_.strategy().place());
  }

  record::RunRecord run() {
    train::TrainingState state;
    on_root("files", [&] { state = open_files(); });
    if (comm_.broadcast(start_.complete.has_value()))
      return start_.complete.value_or(record::RunRecord{});
    try {
      return fit(share(state)) ? finish() : finish_interrupted();
    } catch (comm::LostPeer const& e) {
      give_up(comm_, fmt::format("update {}", fit_.step() + 1), e);
    } catch (std::exception const& e) {
      if (comm_.is_root()) write_failed(e.what());
      throw;
    }
  }

 private:
  /// Collective. What takes files is done while the others wait, as long as it takes.
  void on_root(std::string_view what, std::function<void()> const& step) const {
    comm_.together(what, [&] {
      if (comm_.is_root()) comm::beat_meanwhile(comm_, step);
    });
  }

  // ---- before

  /// On the root: where to begin.
  train::TrainingState open_files() {
    start_ = start_run(settings_.common, identity_);
    auto const fresh = train::fresh_state(task_.network, task_.plan, key_);
    if (start_.complete || !start_.resumes) return fresh;
    auto earlier = earlier_state(start_, identity_, task_.network, task_.plan);
    if (!earlier) {
      tell_of_new_beginning(settings_.common, start_.files);
      return fresh;
    }
    events_ = earlier_events(start_);
    std::int64_t reached = earlier->step;
    start_.records.each(
        [&](auto const& record) { reached = std::max(reached, record.value("step", reached)); });
    event("resume", fmt::format("from update {}; the earlier session had come to update {}",
                                earlier->step, reached));
    return std::move(*earlier);
  }

  /// Collective. The root's state, on every rank.
  train::TrainingState share(train::TrainingState const& state) const {
    return train::TrainingState::from_arrays(comm_.broadcast(state.to_arrays()),
                                             task_.network.arena_size(),
                                             static_cast<std::size_t>(task_.plan.shards()));
  }

  // ---- meanwhile

  /// False when it was interrupted.
  bool fit(train::TrainingState const& state) {
    auto const& common = settings_.common;
    std::optional<NetworkView> view;
    train::FitHooks hooks;
    if (comm_.is_root()) {
      if (!common.quiet)
        fmt::print("canopy train: {} of {}, --parallel {} on {} rank{} on {}\n", settings_.model,
                   settings_.source.data, settings_.network.strategy.parallel, hosts_.size(),
                   hosts_.size() == 1 ? "" : "s", text::join(distinct(hosts_), ", "));
      std::fflush(stdout);
      view.emplace(common.quiet ? ProgressMode::none : common.progress,
                   fmt::format("canopy train {} -> {}", settings_.source.data,
                               start_.files.run_file.string()));
    }
    hooks.watch = [&](train::FitProgress const& now) {
      view->watch(now);
      note_step(now.step);
    };
    hooks.interrupted = [this] { return interrupted(); };
    hooks.epoch = [&](train::EpochRow const& row) {
      view->epoch(row, training_.epochs);
      nlohmann::json record{{"kind", "epoch"}, {"epoch", row.epoch}, {"step", fit_.step()}};
      train::EpochRow::each(row, [&](char const* name, double value) { record[name] = value; });
      start_.journal->append(record);
    };
    hooks.checkpoint = [this](train::TrainingState const& so_far) { write_interrupted(so_far); };
    phases_.begin("fit");
    fit_.start(state);
    Stopwatch const clock;
    auto const finished = fit_.run(hooks);
    fit_seconds_ = clock.seconds();
    phases_.end();
    return finished;
  }

  /// The journal tells how far a run had come that was lost, once a second.
  void note_step(std::int64_t step) {
    if (phases_.seconds() < next_note_) return;
    next_note_ = phases_.seconds() + 1;
    comm::beat_meanwhile(comm_, [&] {
      start_.journal->append({{"kind", "step"}, {"step", step}});
    });
  }

  bool interrupted() {
    auto const late = allocation_ && phases_.seconds() > *allocation_;
    if (!late && !signals::stop_requested()) return false;
    event(late ? "walltime" : "signal", "stopping; every update so far is saved");
    return true;
  }

  record::RunRecord write_interrupted(train::TrainingState const& state) {
    auto record = make_record("interrupted", static_cast<int>(ExitCode::interrupted), state.epochs);
    record.model = network_checkpoint(state, task_.network, identity_.fingerprint);
    record::write(record, start_.files.run_file);
    return record;
  }

  // ---- after

  record::RunRecord finish_interrupted() {
    auto const state = fit_.state();
    gather_uses();
    record::RunRecord record;
    record.exit_code = static_cast<int>(ExitCode::interrupted);
    on_root("save", [&] {
      record = write_interrupted(state);
      start_.journal->sync();
      fmt::print(stderr,
                 "canopy: stopped after update {} of {}, all saved; go on with: canopy train ... "
                 "--out {} --resume\n",
                 state.step, task_.plan.steps_per_epoch() * training_.epochs,
                 start_.files.run_file.string());
    });
    return record;
  }

  void write_failed(std::string const& why) {
    event("failure", why);
    auto record = make_record("failed", 1, fit_.epochs());
    keep_checkpoint(record, start_, identity_);
    record::write(record, start_.files.run_file);
  }

  record::RunRecord finish() {
    phases_.begin("evaluate");
    auto const weights = fit_.weights();
    evaluate_on_unseen(weights);
    reports_ = fit_.strategy().reports();
    if (trace_.is_on()) record_trace();
    gather_uses();
    record::RunRecord record;
    on_root("write", [&] { record = write_complete(weights); });
    return record;
  }

  void evaluate_on_unseen(std::vector<float> const& weights) {
    if (task_.rows.unseen.empty()) return;
    train::Evaluator evaluator{comm_, task_.network, task_.feed};
    auto const probabilities = evaluator.probabilities(weights, task_.rows.unseen);
    on_root("test set", [&] {
      evaluations_.push_back(
          evaluate_unseen(train::as_table(probabilities, task_.network.classes()), task_.rows,
                          task_.feed, settings_.scoring));
    });
  }

  void record_trace() {
    constexpr int updates = 2;  // enough to see how one follows the other
    auto const spans = train::gather_spans(comm_, trace_);
    on_root("trace", [&] {
      write_trace(spans);
      reports_.push_back(train::trace_table(spans, updates));
    });
  }

  /// A trace is not worth the model of a run that lasted for hours.
  void write_trace(std::vector<std::vector<train::Trace::Span>> const& spans) {
    try {
      train::write_trace(spans, settings_.network.trace);
    } catch (UserError const& e) {
      event("trace", e.what());
      fmt::print(stderr, "canopy: warning: --trace {}\n", e.what());
    }
  }

  void gather_uses() {
    auto const use = fit_.strategy().use();
    comm::RankUse mine;
    mine.tasks = use.micro_batches;
    mine.busy_seconds = use.compute_seconds();
    mine.comm_seconds = use.exposed_seconds;
    mine.total_seconds = fit_seconds_;
    mine.bytes_sent = use.bytes_sent;
    mine.max_rss = max_resident_bytes();
    uses_ = comm_.gather(mine);
    auto const spent = comm_.gather(
        RankSpent{use.update_seconds, use.compute_seconds(), fit_.undisturbed_seconds()});
    auto const cores = static_cast<std::ptrdiff_t>(std::thread::hardware_concurrency());
    auto const is_full = [&](auto const& host) { return std::ranges::count(hosts_, host) > cores; };
    if (!comm_.is_root()) return;
    advice_ = advice_on_ranks(spent, std::ranges::any_of(hosts_, is_full));
    if (!advice_.empty()) event("advice", advice_);
  }

  record::RunRecord write_complete(std::vector<float> const& weights) {
    phases_.begin("write");
    nn::Model const model{task_.network.architecture(), weights, task_.standardisation,
                          data_.header.class_names, data_.header.feature_names};
    auto record = make_record("complete", 0, fit_.epochs());
    record.model = model.to_arrays();
    record.model_row =
        model_row(model, task_.network, task_.rows.learn.size(), data_.header.label_name);
    record::write(record, start_.files.run_file);
    start_.journal->remove();
    phases_.end();
    if (!settings_.common.quiet) print_result(model);
    return record;
  }

  Table layout_table() const {
    Table table{"layout"};
    table.column("rank", Table::Type::integer).column("host", Table::Type::text);
    table.column("strategy", Table::Type::text).column("role", Table::Type::text);
    for (auto const* name :
         {"replica", "stage", "first_layer", "last_layer", "parameters", "first_shard", "shards"})
      table.column(name, Table::Type::integer);
    table.column("sums", Table::Type::text);
    table.column("tree_seconds", Table::Type::real).column("free_seconds", Table::Type::real);
    for (std::size_t r = 0; r < places_.size(); ++r) {
      auto const& p = places_[r];
      table.add(
          {static_cast<std::int64_t>(r), hosts_[r], p.strategy, p.role, std::int64_t{p.replica},
           std::int64_t{p.stage}, std::int64_t{p.layers.first + 1}, std::int64_t{p.layers.last},
           static_cast<std::int64_t>(task_.network.range(p.layers.first, p.layers.last).size()),
           std::int64_t{p.first_shard + 1}, std::int64_t{p.last_shard - p.first_shard}, p.sums,
           p.sum_times.tree, p.sum_times.free});
    }
    return table;
  }

  record::RunRecord make_record(std::string status, int exit_code,
                                std::vector<train::EpochRow> const& epochs) const {
    auto record = begin_record(identity_, settings_.common, hosts_, phases_);
    record.status = std::move(status);
    record.exit_code = exit_code;
    std::vector<std::string> roles;
    for (auto const& place : places_) roles.push_back(place.role);
    record.tables = {train::epochs_table(epochs), layout_table(), ranks_table(uses_, hosts_, roles),
                     phases_.table(), events_table(events_)};
    record.tables.insert(record.tables.end(), reports_.begin(), reports_.end());
    add_evaluations(record, evaluations_, data_.header.class_names);
    return record;
  }

  void print_result(nn::Model const& model) const {
    fmt::print("{}",
               network_summary(task_, phases_,
                               {fit_.epochs(), places_, reports_, evaluations_, fit_.best_epoch(),
                                settings_.network.strategy.reduction.order, advice_}));
    fmt::print("{:<11}{}\n", "sha256", model.sha256());
    fmt::print("{}", run_file_line(start_.files.run_file, phases_));
  }

  void event(std::string kind, std::string text) {
    events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
  }

  comm::Communicator const& comm_;
  TrainSettings const& settings_;
  SharedSamples const& data_;
  NetworkTask const& task_;
  Phases& phases_;
  std::vector<std::string> hosts_;
  std::optional<double> allocation_;
  Key key_;
  nn::TrainingOptions training_;
  train::Trace trace_;
  train::NetworkFit fit_;
  RunIdentity identity_;
  std::vector<train::Place> places_;  ///< root: of every rank
  RunStart start_;
  double next_note_ = 0;
  double fit_seconds_ = 0;
  std::vector<Event> events_;
  std::vector<comm::RankUse> uses_;
  std::string advice_;
  std::vector<Table> reports_;
  std::vector<Evaluation> evaluations_;
};

record::RunRecord run_or_give_up(comm::Communicator const& comm, TrainSettings const& settings,
                                 SharedSamples const& data, NetworkTask const& task,
                                 Phases& phases) {
  try {
    return NetworkTrainer{comm, settings, data, task, phases}.run();
  } catch (comm::LostPeer const& e) {
    give_up(comm, "the start", e);
  }
}

}  // namespace

record::RunRecord run_network(comm::Communicator const& comm, TrainSettings const& settings) {
  Phases phases;
  auto const data = load_and_share_samples(comm, settings.source, settings.common.seed,
                                           phases);  // freed by all ranks together, at the end
  auto const task = make_task(comm, settings, data);
  auto record = run_or_give_up(comm, settings, data, task, phases);
  record.exit_code = comm.broadcast(record.exit_code);
  record.status = comm.broadcast(record.status);
  return record;
}

}  // namespace canopy::app
