#include "canopy/federate/federation.hpp"

#include <cstdlib>
#include <optional>
#include <utility>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "canopy/core/clock.hpp"

#include "clients/workshop.hpp"
#include "messages/office.hpp"
#include "run/async_run.hpp"
#include "run/server.hpp"
#include "run/sync_round.hpp"

namespace canopy::federate {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

struct Federation::Parts {
  FederationTask task;
  RoleMap const& roles;
  std::unique_ptr<Aggregator> aggregator;
  Workshop workshop;
  Office office;
  Server server;

  Parts(comm::Communicator const& comm, RoleMap const& role_map, FederationTask const& the_task)
      : task{the_task},
        roles{role_map},
        aggregator{aggregators().make(
            task.options.aggregation.aggregator, task.options.aggregation,
            Sizes{task.network.arena_size(), task.network.parameters(), task.clients.count()})},
        workshop{ClientSide{task.network, *aggregator, task.clients, task.test_rows,
                            task.options.local, task.options.reduce, task.key}},
        office{comm, roles, workshop},
        server{task, roles, *aggregator, office} {}
};

Federation::Federation(comm::Communicator const& comm, RoleMap const& roles,
                       FederationTask const& task)
    : parts_{std::make_unique<Parts>(comm, roles, task)} {
  auto const& server = parts_->server;
  if (!task.options.is_asynchronous())
    check_deadline(task.options.policy, task.clients.count(),
                   [&](int client) { return server.dispatch(client, 1); });
}

Federation::~Federation() = default;

FederationState Federation::fresh_state(std::vector<float> model) const {
  auto const& task = parts_->task;
  FederationState state;
  state.model = std::move(model);
  if (state.model.empty()) {
    state.model.resize(task.network.arena_size());
    task.network.initialise(task.key.with("initial"), std::span{state.model});
  }
  if (task.options.keep_every > 0) state.kept[0] = state.model;
  state.server = parts_->aggregator->state();
  state.selector = parts_->server.selector->state();
  state.models.push_back({nn::sha256(state.model), "", 0, "seed", 0, 0, "", utc_now()});
  return state;
}

bool Federation::run(FederationState state, FederationHooks const& hooks) {
  auto& server = parts_->server;
  server.state = std::move(state);
  server.hooks = hooks;
  parts_->aggregator->restore(server.state.server);
  server.selector->restore(server.state.selector);
  std::optional<AsyncRun> async;
  if (parts_->task.options.is_asynchronous()) async.emplace(server);
  while (!server.is_done()) {
    if (hooks.interrupted && hooks.interrupted()) return false;
    if (async)
      async->step();
    else
      SyncRound{server}.perform();
  }
  return true;
}

void Federation::serve() {
  parts_->office.serve();
}

std::vector<comm::RankUse> Federation::shut_down() {
  return parts_->office.shut_down();
}

FederationState const& Federation::state() const {
  return parts_->server.state;
}

Trip Federation::trip(int client) const {
  return parts_->server.dispatch(client, 0).trip;
}

bool Federation::is_whole() const {
  return parts_->server.is_whole;
}

bool Federation::has_lost_ranks() const {
  return parts_->office.has_lost_ranks();
}

}  // namespace canopy::federate
