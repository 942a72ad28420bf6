#include "canopy/app/federate.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/app/distributed.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/core/signals.hpp"
#include "canopy/federate/federation.hpp"
#include "canopy/nn/model.hpp"
#include "canopy/report/text_table.hpp"

#include "federate_tables.hpp"
#include "federate_view.hpp"
#include "network_checkpoint.hpp"
#include "network_task.hpp"
#include "network_view.hpp"
#include "run_parts.hpp"
#include "run_tables.hpp"
#include "seed_model.hpp"

namespace canopy::app {
namespace {

using federate::FederationState;

constexpr char checkpoint_form[] = "canopy-federation-checkpoint/1";

/// Everything that is known before the first round, the same on every rank.
struct Problem {
  data::Samples samples;
  NetworkRows rows;
  nn::Network network;
  nn::Standardisation standardisation;
  federate::Clients clients;
  federate::RoleMap roles;
  std::vector<float> seed;  ///< root: the model to begin with; empty: a fresh one
};

/// On the root, from the data as they were read: what rows come from by nature.
using Groups = std::vector<std::uint32_t>;

/// Pixels to 0 .. 1, for which nobody needs to know the rows of others.
nn::Standardisation to_unit(FederateSettings const& settings, data::Samples const& samples) {
  if (!samples.is_image())
    throw UserError{"--scaling is unit but " + settings.source.data +
                    " is no images, whose numbers have no common scale; set --scaling standard"};
  auto const channels = static_cast<std::size_t>(samples.shape().channels);
  return {std::vector<double>(channels, 0.0), std::vector<double>(channels, 1.0 / 255)};
}

federate::Clients make_clients(FederateSettings const& settings, data::Samples const& samples,
                               data::Rows const& learn, Groups const& groups,
                               federate::RoleMap const& roles, train::Feed const& feed,
                               nn::Shape shape, nn::Standardisation const& standardisation) {
  auto const& options = settings.federation.partition;
  std::optional<data::SampleShape> image;
  if (samples.is_image()) image = samples.shape();
  options.check_image(image);
  auto const key = Key{settings.common.seed}.with("partition");
  auto const natural = options.partition == "natural" && !settings.federation.clients;
  auto const count = natural ? 0 : settings.federation.clients_on(roles);
  return {
      options,
      data::make_partition(options, count, learn, samples.labels(), samples.classes(), groups, key),
      feed,
      shape,
      standardisation,
      key};
}

/// One run, on the root, which is the reducer's rank and owns the files.
class Federator {
 public:
  Federator(FederateSettings const& settings, SharedSamples const& data, Problem const& problem,
            std::vector<std::string> hosts, Phases& phases, federate::Federation& federation)
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
    identity_ = {"federate", options.to_toml(), data.fingerprint, utc_now()};
  }

  record::RunRecord run() {
    auto state = open_files();
    if (already_complete_) return *already_complete_;
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

 private:
  FederationState open_files() {
    auto const& common = settings_.common;
    files_ = record::run_files(common.out, "federate");
    auto const start = record::decide_start(files_, common.overwrite, common.resume);
    if (start == record::Start::already_complete) {
      already_complete_ = record::read(files_.run_file);
      if (!common.quiet) fmt::print("{} is already complete.\n", files_.run_file.string());
      return {};
    }
    std::vector<nlohmann::json> records;
    journal_.emplace(open_journal(files_, identity_, start, records));
    if (!common.quiet) greet();
    if (start != record::Start::resume) return federation_.fresh_state(problem_.seed);
    auto const earlier =
        earlier_record(files_, identity_, !records.empty(), checkpoint_form, problem_.network);
    if (!earlier) return federation_.fresh_state(problem_.seed);
    check_scale(*earlier->model);
    auto state = FederationState::from_arrays(*earlier->model, problem_.network.arena_size());
    state.take_tables(earlier->tables);
    event("resume", fmt::format("from round {}", state.round));
    return state;
  }

  /// What may follow from the ranks, and must not change in the middle of a run.
  std::vector<std::pair<std::string, std::int64_t>> scale() const {
    auto const& f = settings_.federation;
    auto const clients = problem_.clients.count();
    std::vector<std::pair<std::string, std::int64_t>> numbers{{"clients", clients},
                                                              {"cohort", f.cohort_of(clients)}};
    if (f.is_asynchronous()) numbers.emplace_back("concurrency", f.concurrency_of(clients));
    if (f.reducer_weighting == federate::ReducerWeighting::uniform)
      numbers.emplace_back("combiners", std::ssize(problem_.roles.combiners));
    return numbers;
  }

  void check_scale(NamedArrays const& earlier) const {
    for (auto const& [name, now] : scale())
      if (auto const then = earlier.int_attribute(name); then != now)
        throw UserError{
            fmt::format("--resume: {} was begun with {} {}, now there are {}; give --clients and "
                        "--fraction-fit "
                        "as they were, or --layout and --combiners",
                        files_.run_file.string(), then, name, now)};
  }

  void greet() const {
    auto const& f = settings_.federation;
    fmt::print(
        "canopy federate: {} of {}, {} clients, {} in a round, --layout {} on {} rank{} on "
        "{}\n",
        settings_.model, settings_.source.data, text::grouped(problem_.clients.count()),
        f.cohort_of(problem_.clients.count()), TextForm<federate::Layout>::print(f.layout),
        hosts_.size(), hosts_.size() == 1 ? "" : "s", text::join(distinct(hosts_), ", "));
    std::fflush(stdout);
  }

  federate::FederationHooks hooks() {
    view_.emplace(settings_.common.quiet ? ProgressMode::none : settings_.common.progress,
                  settings_.federation.rounds);
    federate::FederationHooks hooks;
    hooks.round = [this](federate::RoundRow const& row) {
      view_->round(row);
      journal_->append({{"kind", "round"}, {"round", row.round}, {"model", row.model}});
    };
    hooks.idle = [this] { view_->idle(federation_.state().round); };
    hooks.interrupted = [this] { return interrupted(); };
    hooks.event = [this](std::string const& kind, std::string const& text) { event(kind, text); };
    hooks.checkpoint = [this](FederationState const& state) {
      auto const every = settings_.checkpoint_every;
      if (every == 0 || state.round % every != 0 || state.round == settings_.federation.rounds)
        return;
      write_interrupted(state);
    };
    return hooks;
  }

  bool interrupted() {
    auto const late = allocation_ && phases_.seconds() > *allocation_;
    if (!late && !signals::stop_requested()) return false;
    event(late ? "walltime" : "signal", "stopping; every round so far is saved");
    return true;
  }

  // ---- records

  record::RunRecord make_record(std::string status, int exit_code,
                                FederationState const& state) const {
    auto record = begin_record(identity_, settings_.common, hosts_, phases_);
    record.status = std::move(status);
    record.exit_code = exit_code;
    record.tables = state.tables();
    record.tables.push_back(clients_table(state, problem_.clients, problem_.roles));
    record.tables.push_back(
        combiners_table(state, problem_.clients.count(), problem_.roles, hosts_));
    std::vector<std::string> roles;
    for (int rank = 0; rank < problem_.roles.ranks; ++rank)
      roles.push_back(problem_.roles.roles_of(rank));
    record.tables.push_back(federate::roles_table(problem_.roles, hosts_));
    record.tables.push_back(ranks_table(uses_, hosts_, roles));
    record.tables.push_back(phases_.table());
    record.tables.push_back(events_table(events_));
    return record;
  }

  record::RunRecord write_interrupted(FederationState const& state) {
    auto record = make_record("interrupted", static_cast<int>(ExitCode::interrupted), state);
    record.model = state.to_arrays();
    for (auto const& [name, number] : scale()) record.model->set_attribute(name, number);
    mark_checkpoint(*record.model, checkpoint_form, problem_.network, identity_.fingerprint);
    record::write(record, files_.run_file);
    return record;
  }

  record::RunRecord interrupt() {
    auto record = write_interrupted(federation_.state());
    journal_->sync();
    view_.reset();
    fmt::print(stderr,
               "canopy: stopped after round {} of {}, all saved; go on with: canopy federate ... "
               "--out {} --resume\n",
               federation_.state().round, settings_.federation.rounds, files_.run_file.string());
    return record;
  }

  /// What rounds there were is saved, unless it happened in the middle of taking one in.
  record::RunRecord give_up(std::string const& why) {
    event("lost-rank", why);
    auto record =
        make_record("interrupted", static_cast<int>(ExitCode::interrupted), federation_.state());
    if (federation_.is_whole()) record = write_interrupted(federation_.state());
    journal_->sync();
    view_.reset();
    fmt::print(
        stderr,
        "canopy: {}, so the run cannot go on; what was saved last stands, go on with: canopy "
        "federate ... --out {} --resume\n",
        why, files_.run_file.string());
    federation_.shut_down();
    return record;
  }

  record::RunRecord finish() {
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
    record::write(record, files_.run_file);
    journal_->remove();
    phases_.end();
    if (!settings_.common.quiet) {
      fmt::print("{}", federate_summary(state, network_text(problem_.network),
                                        problem_.clients.count(), phases_.seconds_of("federate")));
      fmt::print("{}", run_file_line(files_.run_file, phases_));
    }
    return record;
  }

  void event(std::string kind, std::string text) {
    events_.push_back({phases_.seconds(), std::move(kind), std::move(text)});
  }

  FederateSettings const& settings_;
  SharedSamples const& data_;
  Problem const& problem_;
  std::vector<std::string> hosts_;
  Phases& phases_;
  federate::Federation& federation_;
  std::optional<double> allocation_;
  RunIdentity identity_;
  record::RunFiles files_;
  std::optional<record::Journal> journal_;
  std::optional<record::RunRecord> already_complete_;
  std::optional<FederateView> view_;
  std::vector<Event> events_;
  std::vector<comm::RankUse> uses_;
};

/// The client x label table, with what all clients have in common.
void print_preview(federate::Clients const& clients, data::Samples const& samples,
                   std::vector<std::string> const& class_names) {
  auto const table = data::client_label_table(clients.partition(), samples.labels(), class_names);
  fmt::print("{}", report::render(table, {}));
}

}  // namespace

record::RunRecord run(comm::Communicator const& comm, FederateSettings const& settings) {
  comm.together("settings", [&] { settings.check(); });
  auto const& options = settings.federation;
  auto const roles = federate::make_roles(options.layout, options.combiners, comm.size());
  auto const hosts = comm::hosts(comm);
  if (comm.broadcast(settings.dry_run)) {  // which is not recorded, so only the root knows
    if (comm.is_root()) fmt::print("{}", report::render(federate::roles_table(roles, hosts), {}));
    return {};
  }
  Phases phases;
  auto const natural = options.partition.partition == "natural";
  auto const data = load_and_share_samples(comm, settings.source, settings.common.seed, phases,
                                           natural);  // freed by all ranks together, at the end
  auto const samples = data.samples();
  NetworkRows rows;
  comm.together("settings", [&] {
    rows =
        divide_rows({settings.test_size, 0, settings.common.seed}, settings.source.data, samples);
  });
  auto network = share_network(comm, settings.model, samples);
  nn::Standardisation standardisation;
  if (settings.scaling == "unit")
    comm.together("settings", [&] { standardisation = to_unit(settings, samples); });
  else
    standardisation = share_standardisation(comm, samples, rows.learn, network.shape(0));
  train::Feed const feed{samples, network.shape(0), standardisation};
  std::optional<federate::Clients> clients;
  comm.together("partition", [&] {
    clients.emplace(make_clients(settings, samples, rows.learn, data.groups, roles, feed,
                                 network.shape(0), standardisation));
    options.check_cohort(clients->count());
  });
  if (comm.broadcast(settings.preview)) {
    if (comm.is_root()) print_preview(*clients, samples, data.header.class_names);
    return {};
  }
  Problem problem{samples, rows, std::move(network), standardisation, std::move(*clients),
                  roles,   {}};
  comm.together("settings", [&] {
    if (comm.is_root() && !settings.from_model.empty())
      problem.seed = seed_model(settings.from_model, problem.network);
  });
  std::optional<federate::Federation> federation;
  comm.together("federation", [&] {
    federation.emplace(
        comm, problem.roles,
        federate::FederationTask{problem.network, problem.rows.unseen, problem.clients, options,
                                 Key{settings.common.seed}.with("federate")});
  });
  record::RunRecord record;
  comm.together("federate", [&] {
    if (!comm.is_root()) return federation->serve();
    std::exception_ptr error;
    try {
      record = Federator{settings, data, problem, hosts, phases, *federation}.run();
    } catch (std::exception const& e) {
      error = std::current_exception();
      federation->shut_down();  // nobody must wait for a reducer that has gone
      if (federation->has_lost_ranks()) {
        fmt::print(stderr, "canopy: error: {}\n", e.what());
        comm::Environment::leave(1);
      }
    }
    federation->shut_down();
    if (federation->has_lost_ranks()) comm::Environment::leave(record.exit_code);
    if (error) std::rethrow_exception(error);
  });
  record.exit_code = comm.broadcast(record.exit_code);
  record.status = comm.broadcast(record.status);
  return record;
}

int run_federate(comm::Communicator const& comm, std::span<std::string const> words) {
  FederateSettings settings;
  if (!read_settings(comm, "federate",
                     "Trains one model by clients whose rows stay where they are. Reducer, "
                     "combiners and clients are groups of MPI ranks; one rank can be all of them.",
                     settings, words))
    return 0;
  return run(comm, settings).exit_code;
}

}  // namespace canopy::app
