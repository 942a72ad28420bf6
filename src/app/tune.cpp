#include "canopy/app/tune.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/app/distributed.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/comm/shared_bytes.hpp"
#include "canopy/core/digest.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/record/provenance.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/tune/forest_learner.hpp"
#include "canopy/tune/workbench.hpp"

#include "tune_view.hpp"

namespace canopy::app {

void TuneSettings::describe(Options& o) {
  o.group("Data");
  source.describe(o);
  o.row("test-size", test_size, "share of rows kept out of the search to score the final model on",
        between(0.0, 0.9));
  search.describe(o);
  common.describe(o);
}

namespace {

using tune::Ending;
using tune::Trial;

/// Names the stretches of a run, one after the other.
class Phases {
 public:
  void begin(std::string name) {
    end();
    rows_.push_back({std::move(name), clock_.seconds(), clock_.seconds()});
  }
  void end() {
    if (!rows_.empty() && rows_.back().open) {
      rows_.back().end = clock_.seconds();
      rows_.back().open = false;
    }
  }
  double seconds() const { return clock_.seconds(); }

  Table table() const {
    Table table{"phases"};
    table.column("name", Table::Type::text);
    table.column("begin", Table::Type::real).column("end", Table::Type::real);
    for (auto const& row : rows_)
      table.add({row.name, row.begin, row.open ? clock_.seconds() : row.end});
    return table;
  }

 private:
  struct Row {
    std::string name;
    double begin;
    double end;
    bool open = true;
  };
  Stopwatch clock_;
  std::vector<Row> rows_;
};

/// What rank 0 tells the others about the data, beside the codes themselves.
struct DataHeader {
  std::vector<std::string> class_names;
  std::vector<std::string> feature_names;
  std::string label_name;
  template <class Archive>
  void fields(Archive& archive) {
    archive(class_names, feature_names, label_name);
  }
};

/// The data of a run, loaded by the root and shared by the ranks of each machine.
struct SharedData {
  comm::SharedBytes window;
  DataHeader header;
  std::optional<data::Dataset> test;  ///< root: a test set that came with the data
  std::string fingerprint;            ///< root

  data::EncodedTable table() const { return data::EncodedTable::view(window.bytes, window.owner); }
};

SharedData load_and_share(comm::Communicator const& comm, TuneSettings const& settings,
                          Phases& phases) {
  SharedData shared;
  data::EncodedTable encoded;
  comm.together("load", [&] {
    if (!comm.is_root()) return;
    phases.begin("load");
    auto loaded = data::load(settings.source, settings.common.seed);
    if (!loaded.train.has_labels())
      throw DataError{settings.source.data + ": has no labels; name their column with --label"};
    phases.begin("encode");
    encoded = data::EncodedTable::encode(loaded.train);
    shared.header = {loaded.train.class_names, loaded.train.feature_names, loaded.train.label_name};
    shared.test = std::move(loaded.test);
    Sha256 hash;
    hash.add(encoded.bytes().data(), encoded.bytes().size());
    shared.fingerprint = hash.hex();
    phases.begin("share");
  });
  shared.header = comm.broadcast(shared.header);
  shared.window = comm::share(comm, encoded.bytes());
  phases.end();
  return shared;
}

struct Event {
  double time;
  std::string kind;
  std::string text;
};

/// Seconds from now until the allocation ends, by --walltime or Slurm's word less a minute.
std::optional<double> seconds_of_allocation(std::optional<double> walltime) {
  if (walltime) return walltime;
  auto const* end = std::getenv("SLURM_JOB_END_TIME");
  if (end == nullptr) return {};
  return std::strtod(end, nullptr) - static_cast<double>(std::time(nullptr)) - 60;
}

/// The coordinator of one run: owns its files, drives the search, writes the record.
class Coordinator {
 public:
  Coordinator(comm::Communicator const& comm, TuneSettings const& settings, SharedData& data,
              tune::Workbench const& bench, data::Rows held_out, std::vector<std::string> hosts,
              Phases& phases)
      : settings_{settings},
        data_{data},
        bench_{bench},
        held_out_{std::move(held_out)},
        hosts_{std::move(hosts)},
        phases_{phases},
        size_{comm.size()},
        files_{record::run_files(settings.common.out, "tune")},
        allocation_{seconds_of_allocation(settings.search.walltime)} {
    auto copy = settings;
    Options options;
    copy.describe(options);
    settings_toml_ = options.to_toml();
    started_ = utc_now();
  }

  record::RunRecord run(comm::Farm& farm) {
    auto const start =
        record::decide_start(files_, settings_.common.overwrite, settings_.common.resume);
    if (start == record::Start::already_complete) return already_complete();
    auto trials = tune::propose_trials(settings_.search, bench_.learner(), settings_.common.seed);
    std::vector<nlohmann::json> records;
    auto journal = open_journal(start, records);
    if (comm::launch().by_mpirun) signals::sync_and_leave_on_terminate(journal.descriptor());
    tune::Search search{farm, journal, bench_.learner(), std::move(trials)};
    search.restore(records);
    if (!records.empty())
      event("resume", fmt::format("{} folds taken over from the journal", search.folds_restored()));
    try {
      return drive(farm, journal, search);
    } catch (std::exception const& e) {
      event("failure", e.what());
      record::write(make_record(search, "failed", 1), files_.run_file);
      throw;
    }
  }

 private:
  record::RunRecord already_complete() {
    auto record = record::read(files_.run_file);
    if (!settings_.common.quiet) fmt::print("{} is already complete.\n", files_.run_file.string());
    return record;
  }

  record::Journal open_journal(record::Start start, std::vector<nlohmann::json>& records) {
    if (start == record::Start::resume && std::filesystem::exists(files_.journal)) {
      auto journal = record::Journal::reopen(files_.journal, records);
      if (!records.empty()) {
        refuse_other_run(records.front());
        return journal;
      }
    }
    auto journal = record::Journal::create(files_.journal);
    journal.append({{"kind", "start"},
                    {"command", "tune"},
                    {"settings", settings_toml_},
                    {"data", data_.fingerprint},
                    {"started", started_}});
    return journal;
  }

  void refuse_other_run(nlohmann::json const& header) const {
    static std::vector<std::string> const may_differ{"time_limit", "walltime", "data_dir"};
    auto const differences =
        record::settings_differences(header.value("settings", ""), settings_toml_, may_differ);
    if (!differences.empty())
      throw UserError{
          fmt::format("--resume: {} was begun with other settings: {}; give the same "
                      "ones, or --overwrite to begin anew",
                      files_.run_file.string(), text::join(differences, "; "))};
    if (header.value("data", "") != data_.fingerprint)
      throw UserError{"--resume: the data is not the data that " + files_.run_file.string() +
                      " was begun with; bring it back, or --overwrite to begin anew"};
  }

  record::RunRecord drive(comm::Farm& farm, record::Journal& journal, tune::Search& search) {
    auto const& common = settings_.common;
    if (!common.quiet)
      fmt::print("canopy tune: {} ({} rows), {}, {} of {} trials x {} folds, {} on {}\n",
                 settings_.source.data, text::grouped(std::ssize(bench_.rows())),
                 settings_.search.model, settings_.search.search, search.trials().size(),
                 settings_.search.folds * settings_.search.repeats,
                 size_ == 1 ? "1 rank in place" : fmt::format("{} workers", size_ - 1),
                 text::join(distinct(hosts_), ", "));
    std::fflush(stdout);
    TuneView view{
        common.quiet ? ProgressMode::none : common.progress,
        fmt::format("canopy tune {} -> {}", settings_.source.data, files_.run_file.string())};
    phases_.begin("search");
    auto const ending = search.run({settings_.search.time_limit, [this] { return interrupted(); }},
                                   [&](tune::Search const& now) {
                                     view.watch(now);
                                     checkpoint(now);
                                   });
    view.finish();
    if (ending == Ending::time_limit) event("time-limit", "nothing new was begun");
    if (ending == Ending::interrupted) return finish_interrupted(farm, journal, search);
    auto const* best = tune::best_trial(search.trials());
    try {
      if (best != nullptr) fit_final_model(farm, *best);
    } catch (Stopped const&) {
      return finish_interrupted(farm, journal, search);
    }
    return finish(farm, journal, search, best);
  }

  /// Signals and the end of the allocation; asked all the time.
  bool interrupted() {
    auto const late = allocation_ && phases_.seconds() > *allocation_;
    if (!late && !signals::stop_requested()) return false;
    if (!said_) event(late ? "walltime" : "signal", "stopping; everything finished is saved");
    said_ = true;
    return true;
  }

  /// A run file to look at while a long search goes on.
  void checkpoint(tune::Search const& search) {
    constexpr double every = 60;
    if (phases_.seconds() < next_checkpoint_) return;
    if (next_checkpoint_ > 0)
      record::write(make_record(search, "interrupted", static_cast<int>(ExitCode::interrupted)),
                    files_.run_file);
    next_checkpoint_ = phases_.seconds() + every;
  }

  void fit_final_model(comm::Farm& farm, Trial const& best) {
    phases_.begin("refit");
    model_ = tune::refit(farm, bench_, settings_.search, best.configuration,
                         [this] { return interrupted(); });
    phases_.begin("evaluate");
    evaluate(best);
    phases_.end();
  }

  /// Where the model's confusion comes from: rows it has not seen, one way or another.
  void evaluate(Trial const& best) {
    auto const& data = bench_.data();
    if (held_out_.empty() && !data_.test) {
      confusion_ = data::ConfusionMatrix{data.table.classes()};
      for (auto const& fold : best.folds)
        *confusion_ += data::ConfusionMatrix::from_counts(fold->confusion);
      evaluated_on_ = "out-of-fold";
      evaluated_score_ = best.mean_score();
      return;
    }
    std::vector<std::uint16_t> truth;
    Eigen::MatrixXd probabilities;
    if (held_out_.empty()) {
      evaluated_on_ = "test set";
      truth = data_.test->labels;
      probabilities = model_->predict_proba(data_.test->features);
    } else {
      evaluated_on_ = "hold-out";
      for (auto const row : held_out_) truth.push_back(data.table.labels()[row]);
      probabilities = model_->predict_proba(data.table, held_out_);
    }
    confusion_ =
        data::ConfusionMatrix{truth, data::predicted_classes(probabilities), data.table.classes()};
    evaluated_score_ = data::score(settings_.search.scoring, truth, probabilities);
  }

  record::RunRecord finish_interrupted(comm::Farm& farm, record::Journal& journal,
                                       tune::Search const& search) {
    uses_ = farm.shut_down();
    journal.sync();
    auto record = make_record(search, "interrupted", static_cast<int>(ExitCode::interrupted));
    record::write(record, files_.run_file);
    fmt::print(stderr,
               "canopy: stopped with {} of {} folds done, all saved; go on with: "
               "canopy tune ... --out {} --resume\n",
               search.folds_done(), search.folds_total(), files_.run_file.string());
    return record;
  }

  record::RunRecord finish(comm::Farm& farm, record::Journal& journal, tune::Search const& search,
                           Trial const* best) {
    uses_ = farm.shut_down();
    auto const failed = std::ranges::count(search.trials(), Trial::Status::failed, &Trial::status);
    phases_.begin("write");
    auto const code = failed > 0 ? ExitCode::partial : ExitCode::done;
    auto record =
        make_record(search, best == nullptr ? "failed" : "complete", static_cast<int>(code));
    record::write(record, files_.run_file);
    signals::sync_and_leave_on_terminate(-1);
    journal.remove();
    if (!settings_.common.quiet) print_result(search, failed);
    return record;
  }

  void print_result(tune::Search const& search, std::ptrdiff_t failed) const {
    fmt::print("\n{}", tune_result(search));
    if (evaluated_score_ && evaluated_on_ != "out-of-fold")
      fmt::print("{:<8} {:.4f} {} of the final model\n", evaluated_on_, *evaluated_score_,
                 settings_.search.scoring);
    if (failed > 0) {
      fmt::print("{} trial{} failed:\n", failed, failed == 1 ? "" : "s");
      for (auto const& trial : search.trials())
        if (trial.status == Trial::Status::failed)
          fmt::print("  trial {}: {}\n", trial.id, trial.stop_reason);
    }
    fmt::print("run file {}\n", files_.run_file.string());
  }

  std::string tune_result(tune::Search const& search) const {
    return result_text(search.trials(), parameters(), settings_.search.scoring);
  }

  std::vector<std::string> parameters() const {
    return settings_.search.space.value_or(bench_.learner().default_space()).names();
  }

  void event(std::string kind, std::string text) {
    events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
  }

  // ---- the record

  record::RunRecord make_record(tune::Search const& search, std::string status,
                                int exit_code) const {
    record::RunRecord record;
    record.command = "tune";
    record.status = std::move(status);
    record.exit_code = exit_code;
    record.started = started_;
    record.finished = utc_now();
    record.wall_seconds = phases_.seconds();
    record.seed = settings_.common.seed;
    record.np = size_;
    record.nodes = static_cast<int>(distinct(hosts_).size());
    record.settings = settings_toml_;
    record.environment.set_attribute("mpi", comm::mpi_version());
    record.environment.set_attribute("hostfile", comm::launch().hostfile);
    record.environment.set_attribute("blas", std::string{"none"});
    record::fill_provenance(record);
    record.tables = {tune::trials_table(search.trials(), parameters()),
                     tune::tasks_table(search.tasks()), ranks_table(), phases_.table(),
                     events_table()};
    if (auto const* best = tune::best_trial(search.trials()))
      record.tables.push_back(tune::trial_table("best", *best, parameters()));
    if (search.trials().front().status == Trial::Status::complete)
      record.tables.push_back(tune::trial_table("default", search.trials().front(), parameters()));
    if (confusion_)
      record.tables.insert(record.tables.end(), {confusion_table(), evaluation_table()});
    if (model_) add_model(record);
    return record;
  }

  static std::vector<std::string> distinct(std::vector<std::string> const& hosts) {
    std::vector<std::string> result;
    for (auto const& host : hosts)
      if (std::ranges::find(result, host) == result.end()) result.push_back(host);
    return result;
  }

  Table ranks_table() const {
    Table table{"ranks"};
    table.column("rank", Table::Type::integer).column("host", Table::Type::text);
    table.column("node", Table::Type::integer).column("role", Table::Type::text);
    table.column("tasks", Table::Type::integer);
    for (auto const* name : {"busy_seconds", "idle_seconds", "comm_seconds", "bytes_sent",
                             "bytes_received", "max_rss"})
      table.column(name, Table::Type::real);
    auto const nodes = distinct(hosts_);
    for (std::size_t r = 0; r < uses_.size(); ++r) {
      auto const& use = uses_[r];
      auto const node = std::ranges::find(nodes, hosts_[r]) - nodes.begin();
      auto const role = size_ == 1 ? "in place" : r == 0 ? "coordinator" : "worker";
      table.add({static_cast<std::int64_t>(r), hosts_[r], std::int64_t{node}, role, use.tasks,
                 use.busy_seconds,
                 std::max(0.0, use.total_seconds - use.busy_seconds - use.comm_seconds),
                 use.comm_seconds, static_cast<double>(use.bytes_sent),
                 static_cast<double>(use.bytes_received), use.max_rss});
    }
    return table;
  }

  Table events_table() const {
    Table table{"events"};
    table.column("time", Table::Type::real).column("rank", Table::Type::integer);
    table.column("kind", Table::Type::text).column("text", Table::Type::text);
    for (auto const& event : events_)
      table.add({event.time, std::int64_t{0}, event.kind, event.text});
    return table;
  }

  Table confusion_table() const {
    Table table{"confusion"};
    auto const& names = data_.header.class_names;
    table.column("class", Table::Type::text).column("recall", Table::Type::real);
    for (auto const& name : names) table.column("predicted_" + name, Table::Type::integer);
    auto const recall = confusion_->recall();
    for (int c = 0; c < confusion_->classes(); ++c) {
      auto const place = static_cast<std::size_t>(c);
      std::vector<Cell> row{names[place], recall[place]};
      for (int p = 0; p < confusion_->classes(); ++p) row.emplace_back((*confusion_)(c, p));
      table.add(row);
    }
    return table;
  }

  Table evaluation_table() const {
    Table table{"evaluation"};
    table.column("rows_from", Table::Type::text).column("rows", Table::Type::integer);
    table.column("accuracy", Table::Type::real).column("scoring", Table::Type::text);
    table.column("score", Table::Type::real);
    table.add(
        {evaluated_on_, confusion_->total(),
         static_cast<double>(confusion_->correct()) / static_cast<double>(confusion_->total()),
         settings_.search.scoring, *evaluated_score_});
    return table;
  }

  void add_model(record::RunRecord& record) const {
    record.model = model_->to_arrays();
    auto const nodes = static_cast<std::int64_t>(model_->nodes());
    auto const trees = static_cast<std::int64_t>(model_->trees().size());
    auto const leaves = (nodes + trees) / 2;  // every split has two children
    Table row{"model"};
    row.column("kind", Table::Type::text).column("trees", Table::Type::integer);
    row.column("rows", Table::Type::integer).column("nodes", Table::Type::integer);
    row.column("parameters", Table::Type::integer).column("label", Table::Type::text);
    row.column("sha256", Table::Type::text);
    row.add({TextForm<forest::Kind>::print(model_->parameters().kind), trees,
             static_cast<std::int64_t>(bench_.rows().size()), nodes,
             nodes - leaves + leaves * model_->classes(), data_.header.label_name,
             record.model->sha256()});
    record.model_row = std::move(row);
  }

  TuneSettings const& settings_;
  SharedData& data_;
  tune::Workbench const& bench_;
  data::Rows held_out_;
  std::vector<std::string> hosts_;
  Phases& phases_;
  int size_;
  record::RunFiles files_;
  std::optional<double> allocation_;
  std::string settings_toml_;
  std::string started_;
  double next_checkpoint_ = 0;
  bool said_ = false;
  std::vector<Event> events_;
  std::vector<comm::RankUse> uses_;
  std::optional<forest::Forest> model_;
  std::optional<data::ConfusionMatrix> confusion_;
  std::string evaluated_on_;
  std::optional<double> evaluated_score_;
};

/// A worker that cannot go on must not leave the others waiting for it.
void serve(comm::Farm& farm) {
  try {
    farm.serve();
  } catch (std::exception const& e) {
    fmt::print(stderr, "canopy: a worker on {} failed: {}\n", comm::host_name(), e.what());
    comm::Environment::abort(1);
  }
}

}  // namespace

record::RunRecord run(comm::Communicator const& comm, TuneSettings const& settings,
                      std::function<void()> const& before_task) {
  Phases phases;
  auto data = load_and_share(comm, settings, phases);  // freed by all ranks together, at the end
  auto const hosts = comm::hosts(comm);
  auto const seed = settings.common.seed;
  std::optional<tune::Workbench> bench;
  data::Split split;
  comm.together("folds", [&] {
    auto const table = data.table();
    split = data::stratified_split(table.labels(), table.classes(), settings.test_size,
                                   Key{seed}.with("hold-out"));
    bench.emplace(tune::LearnerData{table, data.header.class_names, data.header.feature_names,
                                    settings.search.scoring},
                  split.train, settings.search, seed);
  });
  record::RunRecord record;
  comm.together("tune", [&] {
    comm::Farm farm{comm, [&](Bytes const& payload, StopToken const& stop) {
                      if (before_task) before_task();
                      return bench->work(payload, stop);
                    }};
    if (!comm.is_root()) return serve(farm);
    Coordinator coordinator{comm, settings, data, *bench, split.test, hosts, phases};
    record = coordinator.run(farm);
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
  return run(comm, settings).exit_code;
}

}  // namespace canopy::app
