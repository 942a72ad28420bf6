#include "canopy/train/shard_plan.hpp"

#include <algorithm>
#include <bit>
#include <span>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/nn/tree_sum.hpp"

namespace canopy::train {

ShardPlan::ShardPlan(std::int64_t rows, int batch)
    : rows_{rows}, batch_{batch}, shards_{nn::virtual_shards(batch)} {}

int ShardPlan::rows_of_step(std::int64_t step) const {
  return static_cast<int>(std::min<std::int64_t>(batch_, rows_ - step * batch_));
}

nn::Range ShardPlan::places(std::int64_t step) const {
  auto const begin = static_cast<std::size_t>(step * batch_);
  return {begin, begin + static_cast<std::size_t>(rows_of_step(step))};
}

nn::Range ShardPlan::places(std::int64_t step, int shard) const {
  auto const rows = rows_of_step(step);
  auto const start = static_cast<std::size_t>(step * batch_);
  auto const begin = [&](int s) {  // the first shards have one row more
    return start + static_cast<std::size_t>(rows / shards_ * s + std::min(s, rows % shards_));
  };
  return {begin(shard), begin(shard + 1)};
}

int ShardPlan::filled_shards(std::int64_t step) const {
  return std::min(shards_, rows_of_step(step));
}

data::Rows epoch_order(data::Rows rows, Key key, std::int64_t epoch) {
  Stream{key.with("order").with(static_cast<std::uint64_t>(epoch))}.shuffle(
      std::span<data::RowIndex>{rows});
  return rows;
}

void check_replicas(ShardPlan const& plan, int replicas, std::string const& option) {
  if (replicas <= plan.shards()) return;
  // A batch of 16 rows per shard, with as many shards as the next power of two; 16 are the most.
  auto const wanted = static_cast<int>(std::bit_ceil(static_cast<unsigned>(replicas)));
  auto const remedy =
      wanted <= nn::virtual_shards(1 << 20)
          ? fmt::format("use at most {} replicas or --batch-size {}", plan.shards(), 16 * wanted)
          : fmt::format(
                "use at most {} replicas; more ranks can be stages of a pipeline "
                "(--parallel hybrid --stages S)",
                plan.shards());
  throw UserError{fmt::format(
      "{}: {} replicas but --batch-size {} is cut into {} shard{} only, the largest power of two "
      "up to batch/16 and 16; {}",
      option, replicas, plan.batch(), plan.shards(), plan.shards() == 1 ? "" : "s", remedy)};
}

}  // namespace canopy::train
