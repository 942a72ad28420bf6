#include "canopy/app/federate.hpp"

#include <exception>

#include <fmt/format.h>

#include "canopy/app/distributed.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/report/text_table.hpp"

#include "federator.hpp"
#include "network_task.hpp"
#include "run_parts.hpp"
#include "seed_model.hpp"

namespace canopy::app {
namespace {

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

/// The client x label table, with what all clients have in common.
void print_preview(federate::Clients const& clients, data::Samples const& samples,
                   std::vector<std::string> const& class_names) {
  auto const table = data::client_label_table(clients.partition(), samples.labels(), class_names);
  fmt::print("{}", report::render(table, {}));
}

/// Collective. The reducer leads, all others serve it.
record::RunRecord train_together(comm::Communicator const& comm, FederateSettings const& settings,
                                 SharedSamples const& data, FederateProblem& problem,
                                 std::vector<std::string> const& hosts, Phases& phases) {
  federate::keep_freed_memory();
  std::optional<federate::Federation> federation;
  comm.together("federation", [&] {
    federation.emplace(
        comm, problem.roles,
        federate::FederationTask{problem.network, problem.rows.unseen, problem.clients,
                                 settings.federation, Key{settings.common.seed}.with("federate")});
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

}  // namespace

record::RunRecord run(comm::Communicator const& comm, FederateSettings const& settings) {
  auto const& options = settings.federation;
  federate::RoleMap roles;
  comm.together("settings", [&] {
    settings.check();
    roles = federate::make_roles(options.layout, options.combiners, comm.size(),
                                 options.ranks_per_client);
  });
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
  FederateProblem problem{samples, rows, std::move(network), standardisation, std::move(*clients),
                          roles,   {}};
  comm.together("settings", [&] {
    if (comm.is_root() && !settings.from_model.empty())
      problem.seed = seed_model(settings.from_model, problem.network);
  });
  return train_together(comm, settings, data, problem, hosts, phases);
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
