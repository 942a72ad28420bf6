#include "canopy/app/tune.hpp"

#include <optional>

#include <fmt/format.h>

#include "canopy/app/distributed.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/comm/lost_peer.hpp"
#include "canopy/tune/block.hpp"
#include "canopy/tune/workbench.hpp"

#include "run_parts.hpp"
#include "tune_coordinator.hpp"
#include "tune_task.hpp"

namespace canopy::app {
namespace {

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
  comm.together("settings", [&] { settings.check(); });
  comm::Deadline end;
  Phases phases;
  auto const task = make_tune_task(comm, settings, phases);
  auto const hosts = comm::hosts(comm);
  tune::Block block{comm, settings.search.most_ranks_per_trial()};
  std::optional<tune::Workbench> bench;
  comm.together("folds", [&] {
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
          return TuneCoordinator{comm, settings, *task, *bench, block.size(), hosts, phases}.run(
              farm);
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
    settings.check();
    Options options;
    settings.describe(options);
    simulate(settings.common, settings.search, settings.simulation, options.to_toml());
  });
  return 0;
}

}  // namespace canopy::app
