#include "pipeline/shape.hpp"

#include <fmt/format.h>

#include "canopy/core/error.hpp"

namespace canopy::train {
namespace {

constexpr int default_stages = 2;  // of hybrid

int checked_stages(StrategyOptions const& options, int otherwise) {
  auto const stages = options.stages.value_or(otherwise);
  if (stages < 1)
    throw UserError{
        fmt::format("--stages is {}, expected 1 or more: into so many blocks of "
                    "layers the network is cut",
                    stages)};
  return stages;
}

}  // namespace

comm::GridShape pipeline_shape(StrategyOptions const& options, int ranks) {
  auto const stages = checked_stages(options, ranks);
  if (stages != ranks)
    throw UserError{fmt::format(
        "--parallel pipeline with --stages {} on {} ranks: each stage is one rank; start {} "
        "ranks, leave --stages out, or choose --parallel hybrid for several replicas",
        stages, ranks, stages)};
  return {1, stages};
}

comm::GridShape hybrid_shape(StrategyOptions const& options, ShardPlan const& plan, int ranks) {
  auto const stages = checked_stages(options, default_stages);
  auto const replicas = ranks / stages;
  if (replicas * stages != ranks)
    throw UserError{fmt::format(
        "--parallel hybrid with {} stages on {} ranks: each replica takes {} ranks, so {} would "
        "have nothing to do; start a multiple of {} ranks or choose --stages among the divisors "
        "of {}",
        stages, ranks, stages, ranks % stages, stages, ranks)};
  check_replicas(plan, replicas,
                 fmt::format("--parallel hybrid with {} stages on {} ranks", stages, ranks));
  return {replicas, stages};
}

}  // namespace canopy::train
