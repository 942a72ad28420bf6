#include "run_parts.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/comm/environment.hpp"
#include "canopy/core/digest.hpp"
#include "canopy/data/partition.hpp"
#include "canopy/record/machine_load.hpp"
#include "canopy/record/provenance.hpp"

namespace canopy::app {

void Phases::begin(std::string name) {
  end();
  rows_.push_back({std::move(name), clock_.seconds(), clock_.seconds()});
}

void Phases::end() {
  if (rows_.empty() || !rows_.back().open) return;
  rows_.back().end = clock_.seconds();
  rows_.back().open = false;
}

double Phases::seconds_of(std::string const& name) const {
  auto const row = std::ranges::find(rows_, name, &Row::name);
  return row == rows_.end() ? 0 : row->end - row->begin;
}

double Phases::throttled_seconds() const {
  return record::throttled_seconds() - throttled_before_;
}

Table Phases::table() const {
  Table table{"phases"};
  table.column("name", Table::Type::text);
  table.column("begin", Table::Type::real).column("end", Table::Type::real);
  for (auto const& row : rows_)
    table.add({row.name, row.begin, row.open ? clock_.seconds() : row.end});
  return table;
}

namespace {

void check_labels(data::Source const& source, data::Dataset const& rows) {
  if (!rows.has_labels())
    throw DataError{source.data + ": has no labels; name their column with --label"};
  if (rows.classes() < 2)
    throw DataError{fmt::format(
        "{}: all rows are of one class, '{}', so there is nothing to learn; is '{}' the column of "
        "the class (--label)?",
        source.data, rows.class_names.at(0), rows.label_name)};
}

DataHeader header_of(data::Loaded const& loaded) {
  return {loaded.train.class_names, loaded.train.feature_names, loaded.train.label_name,
          loaded.test.has_value()};
}

std::string sha256_of(std::span<std::byte const> bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.hex();
}

}  // namespace

SharedData load_and_share(comm::Communicator const& comm, data::Source const& source,
                          std::uint64_t seed, Phases& phases) {
  SharedData shared;
  data::EncodedTable encoded;
  comm.together("load", [&] {
    if (!comm.is_root()) return;
    phases.begin("load");
    auto loaded = data::load(source, seed);
    check_labels(source, loaded.train);
    phases.begin("encode");
    encoded = data::EncodedTable::encode(loaded.train);
    shared.header = header_of(loaded);
    shared.test = std::move(loaded.test);
    phases.begin("share");
    shared.fingerprint = sha256_of(encoded.bytes());
  });
  shared.header = comm.broadcast(shared.header);
  shared.window = comm::share(comm, encoded.bytes());
  phases.end();
  return shared;
}

SharedSamples load_and_share_samples(comm::Communicator const& comm, data::Source const& source,
                                     std::uint64_t seed, Phases& phases, bool with_groups) {
  SharedSamples shared;
  data::Samples packed;
  comm.together("load", [&] {
    if (!comm.is_root()) return;
    phases.begin("load");
    auto const loaded = data::load(source, seed);
    check_labels(source, loaded.train);
    phases.begin("pack");
    packed = data::Samples::pack(loaded.train, loaded.test ? &*loaded.test : nullptr);
    shared.header = header_of(loaded);
    if (with_groups) shared.groups = data::natural_groups(source, loaded.train);
    phases.begin("share");
    shared.fingerprint = sha256_of(packed.bytes());
  });
  shared.header = comm.broadcast(shared.header);
  if (with_groups) shared.groups = comm.broadcast(shared.groups);
  shared.window = comm::share(comm, packed.bytes());
  phases.end();
  return shared;
}

std::optional<std::string> why_another_run(std::filesystem::path const& run_file,
                                           RunIdentity const& earlier, RunIdentity const& now,
                                           bool is_complete) {
  if (earlier.command != now.command)
    return fmt::format(
        "--resume: {} was begun by canopy {}, not by canopy {}; give another --out, or --overwrite "
        "to begin anew",
        run_file.string(), earlier.command, now.command);
  // Limits of time, and how the same weights come about.
  std::vector<std::string> may_differ{"time_limit",  "walltime",         "task_timeout",
                                      "task_memory", "data_dir",         "checkpoint_every",
                                      "parallel",    "stages",           "schedule",
                                      "servers",     "allreduce",        "zero",
                                      "trace",       "ps_transport",     "layout",
                                      "combiners",   "ranks_per_client", "ranks_per_trial"};
  if (!is_complete)  // whose model is kept in the end, and what it is asked
    may_differ.insert(may_differ.end(), {"refit", "permutation_repeats"});
  auto const differences =
      record::settings_differences(earlier.settings_toml, now.settings_toml, may_differ);
  if (!differences.empty())
    return fmt::format(
        "--resume: {} was begun with other settings: {}; give the same ones, or another --out, or "
        "--overwrite to begin anew",
        run_file.string(), text::join(differences, "; "));
  if (earlier.fingerprint != now.fingerprint)
    return "--resume: the data, or the layers of --model FILE.toml, are not those that " +
           run_file.string() +
           " was begun with; bring them back, or give another --out, or --overwrite to begin anew";
  return {};
}

void tell_of_new_beginning(CommonSettings const& settings, record::RunFiles const& files) {
  if (!settings.quiet)
    fmt::print("{}: nothing is saved that --resume could go on from; the run begins anew.\n",
               files.run_file.string());
}

RunIdentity identity_of(record::RunRecord const& record, RunIdentity const& now) {
  auto const& environment = record.environment;
  return {record.command, record.settings,
          environment.has_attribute("data") ? environment.text_attribute("data") : now.fingerprint,
          record.started};
}

namespace {

/// UserError when a run file that no journal tells of is another run's.
void refuse_another_run(record::RunFiles const& files, RunIdentity const& identity) {
  if (!std::filesystem::exists(files.run_file)) return;
  auto const record = record::read_without_model(files.run_file);
  if (auto const why = why_another_run(files.run_file, identity_of(record, identity), identity,
                                       record.status == "complete"))
    throw UserError{*why};
}

/// A new journal with the identity as its first record; or the one that is there, when `start` says
/// resume, with its `records`. UserError when what is there is of another run.
record::Journal open_journal(record::RunFiles const& files, RunIdentity const& identity,
                             record::Start start, record::JournalRecords& records) {
  if (start == record::Start::resume && record::Journal::has_begun(files.journal)) {
    auto journal = record::Journal::reopen(files.journal, records);
    auto const first = records.front();
    RunIdentity const earlier{first.value("command", ""), first.value("settings", ""),
                              first.value("data", ""), first.value("started", "")};
    if (auto const why = why_another_run(files.run_file, earlier, identity)) throw UserError{*why};
    return journal;
  }
  if (start == record::Start::resume) refuse_another_run(files, identity);
  auto journal = record::Journal::create(files.journal);
  record::RunRecord about;
  record::fill_provenance(about);
  journal.append({{"kind", "start"},
                  {"command", identity.command},
                  {"settings", identity.settings_toml},
                  {"data", identity.fingerprint},
                  {"started", identity.started},
                  {"version", about.version},
                  {"git", about.git},
                  {"np", identity.hosts.size()},
                  {"nodes", distinct(identity.hosts).size()},
                  {"resumes", start == record::Start::resume}});
  return journal;
}

}  // namespace

RunStart start_run(CommonSettings const& settings, RunIdentity const& identity) {
  RunStart begin;
  begin.files = record::run_files(settings.out, identity.command);
  auto const start = record::decide_start(begin.files, settings.overwrite, settings.resume);
  if (start == record::Start::already_complete) {
    refuse_another_run(begin.files, identity);
    begin.complete = record::read(begin.files.run_file);
    if (!settings.quiet) fmt::print("{} is already complete.\n", begin.files.run_file.string());
    return begin;
  }
  begin.journal.emplace(open_journal(begin.files, identity, start, begin.records));
  begin.resumes = start == record::Start::resume;
  if (settings.resume && !begin.resumes) tell_of_new_beginning(settings, begin.files);
  return begin;
}

void serve(comm::Farm& farm) {
  try {
    farm.serve();
  } catch (std::exception const& e) {
    fmt::print(stderr, "canopy: a worker on {} failed: {}\n", comm::host_name(), e.what());
    comm::Environment::abort(1);
  }
}

record::RunRecord lead(comm::Farm& farm, std::function<record::RunRecord()> const& run) {
  record::RunRecord record;
  std::exception_ptr error;
  std::string text;
  try {
    record = run();
  } catch (std::exception const& e) {
    error = std::current_exception();
    text = e.what();
    farm.cancel_all();
  }
  farm.dismiss();
  if (!farm.losses().empty()) {
    if (error) fmt::print(stderr, "canopy: error: {}\n", text);
    comm::Environment::leave(error ? 1 : record.exit_code);
  }
  if (error) std::rethrow_exception(error);
  return record;
}

std::optional<double> seconds_of_allocation(std::optional<double> walltime) {
  if (walltime) return walltime;
  auto const* end = std::getenv("SLURM_JOB_END_TIME");
  if (end == nullptr) return {};
  return std::strtod(end, nullptr) - static_cast<double>(std::time(nullptr)) - 60;
}

std::vector<std::string> distinct(std::vector<std::string> const& hosts) {
  std::vector<std::string> result;
  for (auto const& host : hosts)
    if (std::ranges::find(result, host) == result.end()) result.push_back(host);
  return result;
}

record::RunRecord begin_record(RunIdentity const& identity, CommonSettings const& settings,
                               std::vector<std::string> const& hosts, Phases const& phases) {
  record::RunRecord record;
  record.command = identity.command;
  record.started = identity.started;
  record.finished = utc_now();
  record.wall_seconds = phases.seconds();
  record.seed = settings.seed;
  record.np = static_cast<int>(hosts.size());
  record.nodes = static_cast<int>(distinct(hosts).size());
  record.settings = identity.settings_toml;
  if (!identity.fingerprint.empty()) record.environment.set_attribute("data", identity.fingerprint);
  record.environment.set_attribute("mpi", comm::mpi_version());
  record.environment.set_attribute("hostfile", comm::launch().hostfile);
  record.environment.set_attribute("blas", std::string{"none"});
  record.environment.set_attribute("load", record::load_average());
  record.environment.set_attribute("throttled_seconds", phases.throttled_seconds());
  record::fill_provenance(record);
  return record;
}

}  // namespace canopy::app
