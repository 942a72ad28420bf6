#include "reduce/own.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <functional>

#include <fmt/format.h>

#include "reduce/names.hpp"

namespace canopy::comm {
namespace {

/// Below Open MPI's eager limit over TCP (64 KiB with its header), so that a message leaves without
/// asking its receiver first.
constexpr std::size_t default_chunk_bytes = 64'000;

constexpr int first_bucket_tag = 0;

struct Algorithm {
  std::string name;
  std::function<Transfers(BucketTask const&)> write;
};

Algorithm choose(ReductionPlan const& plan, int ranks) {
  if (std::has_single_bit(static_cast<unsigned>(ranks)))
    return {"halving-doubling", halving_doubling};
  if (plan.order == Order::free || plan.collective == Collective::all_gather) return {"ring", ring};
  auto const router = std::make_shared<Router>(plan.leaves, ranks);
  return {"routed tree", [router](auto const& task) { return routed_tree(task, *router); }};
}

}  // namespace

OwnReduction::OwnReduction(Communicator const& comm, ReductionPlan const& plan)
    : comm_{comm.duplicate()},
      plan_{plan},
      pulse_{plan.pulse ? *plan.pulse : own_pulse_.emplace(comm)} {
  auto const algorithm = choose(plan, comm.size());
  algorithm_ = algorithm.name;
  auto const bytes = plan.chunk_bytes == 0 ? default_chunk_bytes : plan.chunk_bytes;
  auto const float_bytes = plan.wire == Wire::fp16 ? sizeof(std::uint16_t) : sizeof(float);
  BucketTask task{plan.collective,
                  comm.size(),
                  comm.rank().value,
                  {},
                  std::max<std::size_t>(bytes / float_bytes, 1)};
  for (auto const bucket : plan.buckets) {
    task.bucket = bucket;
    auto const tag = first_bucket_tag + static_cast<int>(flows_.size());
    flows_.push_back(
        std::make_unique<Flow>(comm_.mpi(), tag, algorithm.write(task), plan_.sums, plan.wire));
    awaited_.push_back(fmt::format("{} of bucket {}, {}", name_of(plan.collective), awaited_.size(),
                                   description()));
  }
  for (int rank = 0; rank < comm.size(); ++rank)
    in_pulse_.push_back(pulse_.rank_here(comm, {rank}));
  active_.reserve(flows_.size());
}

void OwnReduction::start(std::size_t bucket) {
  assert(is_done(bucket));
  if (active_.empty()) pulse_.start();
  flows_[bucket]->start();
  if (!is_done(bucket)) active_.push_back(bucket);
}

bool OwnReduction::poll() {
  look();
  return active_.empty();
}

/// True when anything moved.
bool OwnReduction::look() {
  bool moved = false;
  for (auto const bucket : active_) moved = flows_[bucket]->advance() || moved;
  std::erase_if(active_, [this](std::size_t bucket) { return flows_[bucket]->is_done(); });
  pulse_.beat();
  if (moved || active_.empty()) return moved;
  auto const bucket = active_.front();
  auto const peer = flows_[bucket]->waits_for();
  pulse_.check(in_pulse_[static_cast<std::size_t>(peer.value)], awaited_[bucket]);
  return false;
}

template <class IsOver>
void OwnReduction::wait_until(IsOver is_over) {
  for (Patience patience; !is_over();)
    if (look())
      patience.reset();
    else
      patience.rest();
}

void OwnReduction::wait(std::size_t bucket) {
  wait_until([&] { return is_done(bucket); });
}

void OwnReduction::wait() {
  wait_until([&] { return active_.empty(); });
}

std::string OwnReduction::description() const {
  return fmt::format("own {}, {}, {}", algorithm_, name_of(plan_.order), name_of(plan_.wire));
}

std::uint64_t OwnReduction::bytes_sent() const {
  std::uint64_t bytes = 0;
  for (auto const& flow : flows_) bytes += flow->bytes_sent();
  return bytes;
}

}  // namespace canopy::comm
