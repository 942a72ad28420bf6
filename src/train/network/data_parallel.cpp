#include "network/data_parallel.hpp"

#include <fmt/format.h>

#include "canopy/core/clock.hpp"

namespace canopy::train {
namespace {

comm::Communicator const& checked(Assignment const& assignment) {
  auto const ranks = assignment.comm.size();
  check_replicas(assignment.plan, ranks, fmt::format("--parallel data on {} ranks", ranks));
  return assignment.comm;
}

}  // namespace

DataParallel::DataParallel(Assignment const& a)
    : comm_{checked(a)},
      plan_{a.plan},
      trace_{a.trace},
      arena_(a.network.arena_size()),
      pulse_{comm_, a.options.timeout},
      watch_{comm_, pulse_},
      update_{a.comm,          a.network,  {0, a.network.depth()},
              a.plan.shards(), a.training, a.options.reduction,
              pulse_},
      worker_{a.network, a.feed, a.plan, a.training, a.trace} {
  worker_.call_meanwhile([this] { update_.poll(); });
}

void DataParallel::perform(Update const& update) {
  Stopwatch const clock;
  pulse_.start();
  update_.begin();
  for (auto shard = update_.block().first; shard < update_.block().end; ++shard) {
    if (worker_.is_empty(update, shard)) {
      update_.skip(shard);
      continue;
    }
    worker_.gradient(update, shard, arena_, update_.place(shard),
                     [&](int layer) { update_.layer_done(shard, layer); });
    update_.shard_done(shard);
    ++use_.micro_batches;
  }
  auto const begin = trace_.now();
  update_.finish(arena_, step_info(update, plan_));
  trace_.add(Doing::sums, update.number, begin);
  use_.update_seconds += clock.seconds();
}

UpdateUse DataParallel::use() const {
  auto use = use_;
  use.exposed_seconds = update_.exposed_seconds();
  use.bytes_sent = update_.bytes_sent();
  return use;
}

Place DataParallel::place() const {
  auto const [first, last] = update_.block();
  return {"data",
          "replica",
          comm_.rank().value,
          0,
          update_.layers(),
          first,
          last,
          update_.description(),
          update_.sum_times()};
}

}  // namespace canopy::train
