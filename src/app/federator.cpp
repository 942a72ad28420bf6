#include "federator.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/core/signals.hpp"
#include "canopy/nn/model.hpp"

#include "federate_tables.hpp"
#include "network_checkpoint.hpp"
#include "network_view.hpp"

namespace canopy::app {
namespace {

using federate::FederationState;

constexpr int most_clients_by_label = 10'000;  // of whom the run file tells every label's rows
constexpr char checkpoint_form[] = "canopy-federation-checkpoint/1";

}  // namespace

Federator::Federator(FederateSettings const& settings, SharedSamples const& data,
                     FederateProblem const& problem, std::vector<std::string> hosts, Phases& phases,
                     federate::Federation& federation)
    : settings_{settings},
      data_{data},
      problem_{problem},
      hosts_{std::move(hosts)},
      phases_{phases},
      federation_{federation},
      allocation_{seconds_of_allocation(settings.walltime)} {
  auto copy = settings;
  Options options;
  copy.describe(options);
  identity_ = {"federate", options.to_toml(), data.fingerprint, utc_now(), hosts_};
}

record::RunRecord Federator::run() {
  start_ = start_run(settings_.common, identity_);
  if (start_.complete) return *start_.complete;
  auto state = take_up();
  phases_.begin("federate");
  try {
    auto const finished = federation_.run(std::move(state), hooks());
    if (!finished) write_interrupted(federation_.state());  // before anybody is waited for
    uses_ = federation_.shut_down();
    phases_.end();
    return finished ? finish() : interrupt();
  } catch (federate::LostCombiner const& e) {
    return give_up(e.what());
  }
}

// ---- how it begins

/// The state to begin with, and a session that begins with it.
FederationState Federator::take_up() {
  if (!settings_.common.quiet) greet();
  auto state = state_at_start();
  federate::SessionRow session;
  session.session = std::ssize(sessions_) + 1;
  session.started = identity_.started;
  session.np = std::ssize(hosts_);
  session.nodes = std::ssize(distinct(hosts_));
  session.from_round = state.round;
  session.from_model = state.models.back().id;
  sessions_.push_back(std::move(session));
  return state;
}

FederationState Federator::state_at_start() {
  if (!start_.resumes) return federation_.fresh_state(problem_.seed);
  auto const earlier = earlier_record(start_, identity_, checkpoint_form, problem_.network);
  if (!earlier) {
    tell_of_new_beginning(settings_.common, start_.files);
    return federation_.fresh_state(problem_.seed);
  }
  check_scale(*earlier->model);
  auto state = FederationState::from_arrays(*earlier->model, problem_.network.arena_size());
  state.take_tables(earlier->tables);
  take_records(*earlier);
  event("resume", fmt::format("from round {}", state.round));
  return state;
}

/// What may follow from the ranks, and must not change in the middle of a run.
std::vector<std::pair<std::string, std::int64_t>> Federator::scale() const {
  auto const& f = settings_.federation;
  auto const clients = problem_.clients.count();
  std::vector<std::pair<std::string, std::int64_t>> numbers{{"clients", clients},
                                                            {"cohort", f.cohort_of(clients)}};
  if (f.is_asynchronous()) numbers.emplace_back("concurrency", f.concurrency_of(clients));
  if (f.reducer_weighting == federate::ReducerWeighting::uniform)
    numbers.emplace_back("combiners", std::ssize(problem_.roles.combiners));
  return numbers;
}

void Federator::check_scale(NamedArrays const& earlier) const {
  for (auto const& [name, now] : scale())
    if (auto const then = earlier.int_attribute(name); then != now)
      throw UserError{
          fmt::format("--resume: {} was begun with {} {}, now there are {}; give --clients and "
                      "--fraction-fit "
                      "as they were, or --layout and --combiners",
                      start_.files.run_file.string(), then, name, now)};
}

/// What an earlier session tells beside its rounds.
void Federator::take_records(record::RunRecord const& earlier) {
  for (auto const& table : earlier.tables) {
    if (table.name() == "events") events_ = events_of(table);
    if (table.name() == "sessions") sessions_ = federate::rows_of<federate::SessionRow>(table);
  }
}

void Federator::greet() const {
  auto const& f = settings_.federation;
  fmt::print(
      "canopy federate: {} of {}, {} clients, {} in a round, --layout {} on {} rank{} on "
      "{}\n",
      settings_.model, settings_.source.data, text::grouped(problem_.clients.count()),
      f.cohort_of(problem_.clients.count()), TextForm<federate::Layout>::print(f.layout),
      hosts_.size(), hosts_.size() == 1 ? "" : "s", text::join(distinct(hosts_), ", "));
  std::fflush(stdout);
}

// ---- while it runs

federate::FederationHooks Federator::hooks() {
  view_.emplace(settings_.common.quiet ? ProgressMode::none : settings_.common.progress,
                settings_.federation.rounds);
  federate::FederationHooks hooks;
  hooks.round = [this](federate::RoundRow const& row) {
    view_->round(row);
    nlohmann::json record{{"kind", "round"}};
    federate::RoundRow::each(row,
                             [&](char const* name, auto const& value) { record[name] = value; });
    start_.journal->append(record);
  };
  hooks.idle = [this] { view_->idle(federation_.state().round); };
  hooks.interrupted = [this] { return interrupted(); };
  hooks.event = [this](std::string const& kind, std::string const& text) {
    event(kind, text);
    if (kind == "lost-rank" && !settings_.common.quiet) view_->warn("canopy: " + text);
  };
  hooks.checkpoint = [this](FederationState const& state) {
    auto const every = settings_.checkpoint_every;
    if (every == 0 || state.round % every != 0 || state.round == settings_.federation.rounds)
      return;
    write_interrupted(state);
  };
  return hooks;
}

bool Federator::interrupted() {
  auto const late = allocation_ && phases_.seconds() > *allocation_;
  if (!late && !signals::stop_requested()) return false;
  event(late ? "walltime" : "signal", "stopping; every round so far is saved");
  return true;
}

void Federator::event(std::string kind, std::string text) {
  events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
}

// ---- what it leaves

record::RunRecord Federator::make_record(std::string status, int exit_code,
                                         FederationState const& state) const {
  auto record = begin_record(identity_, settings_.common, hosts_, phases_);
  record.status = std::move(status);
  record.exit_code = exit_code;
  record.tables = state.tables();
  record.tables.push_back(clients_table(federation_, problem_.clients, problem_.roles));
  if (problem_.clients.count() <= most_clients_by_label)
    record.tables.push_back(data::client_label_table(
        problem_.clients.partition(), problem_.samples.labels(), data_.header.class_names));
  record.tables.push_back(combiners_table(state, problem_.clients.count(), problem_.roles, hosts_));
  std::vector<std::string> roles;
  for (int rank = 0; rank < problem_.roles.ranks; ++rank)
    roles.push_back(problem_.roles.roles_of(rank));
  record.tables.push_back(federate::roles_table(problem_.roles, hosts_));
  record.tables.push_back(ranks_table(uses_, hosts_, roles));
  record.tables.push_back(phases_.table());
  record.tables.push_back(events_table(events_));
  record.tables.push_back(sessions_table(record.status, state));
  return record;
}

/// With how far this session has come.
Table Federator::sessions_table(std::string const& status, FederationState const& state) const {
  auto sessions = sessions_;
  auto& now = sessions.back();
  now.rounds = state.round - now.from_round;
  now.seconds = phases_.seconds();
  now.status = status;
  return federate::table_of("sessions", sessions);
}

record::RunRecord Federator::write_interrupted(FederationState const& state) {
  auto record = make_record("interrupted", static_cast<int>(ExitCode::interrupted), state);
  record.model = state.to_arrays();
  for (auto const& [name, number] : scale()) record.model->set_attribute(name, number);
  mark_checkpoint(*record.model, checkpoint_form, problem_.network, identity_.fingerprint);
  record::write(record, start_.files.run_file);
  return record;
}

record::RunRecord Federator::interrupt() {
  auto record = write_interrupted(federation_.state());
  start_.journal->sync();
  view_.reset();
  fmt::print(stderr,
             "canopy: stopped after round {} of {}, all saved; go on with: canopy federate ... "
             "--out {} --resume\n",
             federation_.state().round, settings_.federation.rounds,
             start_.files.run_file.string());
  return record;
}

/// What rounds there were is saved, unless it happened in the middle of taking one in.
record::RunRecord Federator::give_up(std::string const& why) {
  event("lost-rank", why);
  auto record =
      make_record("interrupted", static_cast<int>(ExitCode::interrupted), federation_.state());
  if (federation_.is_whole()) record = write_interrupted(federation_.state());
  start_.journal->sync();
  view_.reset();
  fmt::print(stderr,
             "canopy: {}, so the run cannot go on; what was saved last stands, go on with: canopy "
             "federate ... --out {} --resume\n",
             why, start_.files.run_file.string());
  federation_.shut_down();
  return record;
}

record::RunRecord Federator::finish() {
  view_.reset();
  phases_.begin("write");
  auto const& state = federation_.state();
  nn::Model const model{problem_.network.architecture(), state.model, problem_.standardisation,
                        data_.header.class_names, data_.header.feature_names};
  auto record = make_record("complete", 0, state);
  record.model = model.to_arrays();
  state.put_kept(*record.model);
  record.model_row =
      model_row(model, problem_.network, problem_.rows.learn.size(), data_.header.label_name);
  record::write(record, start_.files.run_file);
  start_.journal->remove();
  phases_.end();
  if (!settings_.common.quiet) {
    fmt::print("{}", federate_summary(state, network_text(problem_.network),
                                      problem_.clients.count(), phases_.seconds_of("federate")));
    fmt::print("{}", run_file_line(start_.files.run_file, phases_));
  }
  return record;
}

}  // namespace canopy::app
