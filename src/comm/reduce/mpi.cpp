#include "reduce/mpi.hpp"

#include <algorithm>
#include <list>
#include <numeric>
#include <utility>

#include <boost/mpi/exception.hpp>
#include <fmt/format.h>

#include "mpi_requests.hpp"
#include "reduce/add.hpp"
#include "reduce/half.hpp"
#include "reduce/names.hpp"

namespace canopy::comm {
namespace {

std::size_t index(int rank) {
  return static_cast<std::size_t>(rank);
}

std::vector<std::size_t> sums_by_rank(ReductionPlan const& plan, int ranks) {
  std::vector<std::size_t> sums(index(ranks), 1);
  if (plan.order == Order::tree)
    for (int rank = 0; rank < ranks; ++rank)
      sums[index(rank)] = subtrees_of(leaves_of(plan.leaves, ranks, rank)).size();
  return sums;
}

std::vector<Merge> merges_of(ReductionPlan const& plan, int ranks) {
  if (plan.order == Order::tree) return merges_to_total(subtrees_of_all(plan.leaves, ranks));
  std::vector<Merge> one_after_the_other;
  for (std::size_t i = 1; i < index(ranks); ++i) one_after_the_other.push_back({0, i});
  return one_after_the_other;
}

std::size_t largest_bucket(ReductionPlan const& plan) {
  std::size_t size = 0;
  for (auto const bucket : plan.buckets) size = std::max(size, bucket.size);
  return size;
}

}  // namespace

MpiReduction::MpiReduction(Communicator const& comm, ReductionPlan const& plan)
    : comm_{comm.duplicate()},
      plan_{plan},
      pulse_{plan.pulse ? *plan.pulse : own_pulse_.emplace(comm)},
      seconds_(plan.buckets.size()) {
  auto const ranks = index(comm.size());
  for (std::size_t bucket = 0; bucket < plan.buckets.size(); ++bucket)
    awaited_.push_back(
        fmt::format("{} of bucket {}, {}", name_of(plan.collective), bucket, description()));
  for (auto* list : {&send_counts_, &send_starts_, &receive_counts_, &receive_starts_})
    list->resize(ranks);
  auto const size = largest_bucket(plan);
  if (plan.wire == Wire::fp16) halves_to_send_.resize(size);
  if (plan.wire == Wire::fp16) halves_received_.resize(size);
  if (plan.collective == Collective::all_gather) return;
  sums_of_ = sums_by_rank(plan, comm.size());
  first_of_.resize(ranks);
  std::exclusive_scan(sums_of_.begin(), sums_of_.end(), first_of_.begin(), std::size_t{0});
  merges_ = merges_of(plan, comm.size());
  auto const all_sums = first_of_.back() + sums_of_.back();
  auto const largest_slice = size / ranks + 1;
  received_.resize(all_sums * largest_slice);
  halves_received_.resize(plan.wire == Wire::fp16 ? std::max(size, ranks * largest_slice) : 0);
  buffers_.resize(all_sums);
}

/// MPI may still read and write what a lost rank left unfinished, and knows no way to call it off.
MpiReduction::~MpiReduction() {
  struct Abandoned {
    Communicator comm;
    std::vector<float> floats;
    std::vector<std::uint16_t> sent, received;
  };
  static std::list<Abandoned> abandoned;
  if (request_ != MPI_REQUEST_NULL)
    abandoned.push_back(
        {comm_, std::move(received_), std::move(halves_to_send_), std::move(halves_received_)});
}

void MpiReduction::start(std::size_t bucket) {
  if (comm_.size() == 1) return;
  Stopwatch const clock;
  auto const range = plan_.buckets[bucket];
  auto const slice = slice_of(range, comm_.size(), comm_.rank().value);
  auto const float_bytes = plan_.wire == Wire::fp16 ? sizeof(std::uint16_t) : sizeof(float);
  if (plan_.collective != Collective::all_gather) {
    auto const rounds = *std::ranges::max_element(sums_of_);
    for (std::size_t round = 0; round < rounds; ++round) exchange_slices(bucket, round);
    combine(range);
    bytes_sent_ += sums_of_[index(comm_.rank().value)] * (range.size - slice.size) * float_bytes;
  }
  if (plan_.collective != Collective::reduce_scatter) {
    gather(bucket);
    bytes_sent_ += (index(comm_.size()) - 1) * slice.size * float_bytes;
  }
  seconds_[bucket] = clock.seconds();
}

bool MpiReduction::poll() {
  pulse_.beat();
  return true;
}

void MpiReduction::await(std::size_t bucket) {
  pulse_.wait_until([this] { return comm::is_done(request_); }, awaited_[bucket]);
}

/// Counts and starts of the slices of a bucket, counted from its first float.
void MpiReduction::cut(Range bucket) {
  for (int rank = 0; rank < comm_.size(); ++rank) {
    auto const slice = slice_of(bucket, comm_.size(), rank);
    send_counts_[index(rank)] = static_cast<int>(slice.size);
    send_starts_[index(rank)] = static_cast<int>(slice.first - bucket.first);
  }
}

/// Every rank's partial sum number `round` of our slice, if it has so many; ours stays where it is.
void MpiReduction::exchange_slices(std::size_t number, std::size_t round) {
  auto const bucket = plan_.buckets[number];
  auto const me = comm_.rank().value;
  auto const mine = slice_of(bucket, comm_.size(), me);
  auto const has_one = [&](int rank) { return round < sums_of_[index(rank)]; };
  auto const is_fp16 = plan_.wire == Wire::fp16;
  cut(bucket);
  for (int rank = 0; rank < comm_.size(); ++rank) {
    if (rank == me || !has_one(me)) send_counts_[index(rank)] = 0;
    receive_counts_[index(rank)] = rank == me || !has_one(rank) ? 0 : static_cast<int>(mine.size);
    auto const place = is_fp16 ? index(rank) : first_of_[index(rank)] + round;
    receive_starts_[index(rank)] = static_cast<int>(place * mine.size);
  }
  auto const* const floats = has_one(me) ? plan_.sums[round].data() + bucket.first : nullptr;
  if (is_fp16 && floats != nullptr) to_half(floats, halves_to_send_.data(), bucket.size);
  auto const type = is_fp16 ? MPI_UINT16_T : MPI_FLOAT;
  BOOST_MPI_CHECK_RESULT(
      MPI_Ialltoallv,
      (is_fp16 ? static_cast<void const*>(halves_to_send_.data()) : floats, send_counts_.data(),
       send_starts_.data(), type,
       is_fp16 ? static_cast<void*>(halves_received_.data()) : received_.data(),
       receive_counts_.data(), receive_starts_.data(), type, comm_.mpi(), &request_));
  await(number);
  if (!is_fp16) return;
  for (int rank = 0; rank < comm_.size(); ++rank)
    from_half(halves_received_.data() + receive_starts_[index(rank)],
              received_.data() + (first_of_[index(rank)] + round) * mine.size,
              static_cast<std::size_t>(receive_counts_[index(rank)]));
}

void MpiReduction::combine(Range bucket) {
  auto const me = index(comm_.rank().value);
  auto const mine = slice_of(bucket, comm_.size(), comm_.rank().value);
  for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i] = received_.data() + i * mine.size;
  for (std::size_t sum = 0; sum < sums_of_[me]; ++sum)
    buffers_[first_of_[me] + sum] = plan_.sums[sum].data() + mine.first;
  for (std::size_t i = 0; i < merges_.size(); ++i) {
    auto* const into = buffers_[merges_[i].into];
    auto const is_last = i + 1 == merges_.size();
    add(is_last ? plan_.sums[0].data() + mine.first : into, into, buffers_[merges_[i].from],
        mine.size);
  }
}

void MpiReduction::gather(std::size_t number) {
  auto const bucket = plan_.buckets[number];
  auto* const floats = plan_.sums[0].data() + bucket.first;
  if (plan_.wire == Wire::fp32) return gather_in_place(number, floats, MPI_FLOAT);
  auto const mine = slice_of(bucket, comm_.size(), comm_.rank().value);
  auto const start = mine.first - bucket.first;
  to_half(floats + start, halves_received_.data() + start, mine.size);
  gather_in_place(number, halves_received_.data(), MPI_UINT16_T);
  from_half(halves_received_.data(), floats, bucket.size);
}

void MpiReduction::gather_in_place(std::size_t bucket, void* numbers, MPI_Datatype type) {
  cut(plan_.buckets[bucket]);
  BOOST_MPI_CHECK_RESULT(MPI_Iallgatherv,
                         (MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, numbers, send_counts_.data(),
                          send_starts_.data(), type, comm_.mpi(), &request_));
  await(bucket);
}

std::string MpiReduction::description() const {
  return fmt::format("mpi {}, {}, {}",
                     plan_.collective == Collective::all_gather ? "MPI_Iallgatherv" : "by slices",
                     name_of(plan_.order), name_of(plan_.wire));
}

}  // namespace canopy::comm
