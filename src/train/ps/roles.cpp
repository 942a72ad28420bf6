#include "ps/roles.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::train {
namespace {

void check_ranks(int ranks, int servers) {
  if (servers < 1) throw UserError{fmt::format("--servers is {}, expected at least 1", servers)};
  if (ranks > servers) return;
  throw UserError{fmt::format(
      "--parallel ps with --servers {} leaves no worker: there {} {} rank{}; start at least {} "
      "(mpirun -np {}), ask for fewer servers, or use --parallel data",
      servers, ranks == 1 ? "is" : "are", ranks, ranks == 1 ? "" : "s", servers + 1, servers + 1)};
}

void check_options(ReductionOptions const& options) {
  if (options.zero)
    throw UserError{
        "--zero divides the optimizer among replicas, but with --parallel ps the servers have it "
        "already, each its slice; leave --zero out or use --parallel data"};
  if (options.wire != comm::Wire::fp32)
    throw UserError{
        "--wire-format fp16 is a format of the sums among replicas; with --parallel ps gradients "
        "travel "
        "as fp32: set --wire-format fp32 or use --parallel data"};
}

std::vector<nn::Range> cut_slices(nn::Network const& network, int servers,
                                  nn::TrainingOptions const& training) {
  auto const element_wise = nn::make_optimizer(training, network, {0, 0})->element_wise();
  auto slices = nn::cut_arena(network, servers, element_wise);
  auto const served = std::ranges::count_if(slices, [](nn::Range r) { return r.size() > 0; });
  if (served == servers) return slices;
  throw UserError{fmt::format(
      "--servers {} but --optimizer {} needs whole tensors, and those of this network make up {} "
      "slice{} only; use at most {} server{}, or sgd, adam or adamw",
      servers, training.optimizer, served, served == 1 ? "" : "s", served, served == 1 ? "" : "s")};
}

}  // namespace

std::optional<std::int64_t> staleness_of(std::string const& text) {
  if (text == "inf") return {};
  auto const number = text::to_int(text);
  if (!number || *number < 0)
    throw UserError{
        fmt::format("--staleness is {}, expected a number of updates (0, 1, 2, ...) or inf", text)};
  return *number;
}

int workers_of(StrategyOptions const& options, ShardPlan const& plan, int ranks) {
  check_ranks(ranks, options.servers);
  auto const workers = ranks - options.servers;
  check_replicas(
      plan, workers,
      fmt::format("--parallel ps on {} ranks, {} of them servers", ranks, options.servers));
  return workers;
}

Roles deal_roles(Assignment const& a) {
  auto const workers = workers_of(a.options, a.plan, a.comm.size());
  check_options(a.options.reduction);
  return {workers, cut_slices(a.network, a.options.servers, a.training),
          staleness_of(a.options.staleness)};
}

}  // namespace canopy::train
