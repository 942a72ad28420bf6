#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "canopy/comm/reduce/reduction.hpp"
#include "canopy/comm/time_in_turns.hpp"

#include "reduce/mpi.hpp"
#include "reduce/own.hpp"

namespace canopy::comm {
namespace {

/// A plan that does not fit the ranks would give wrong sums, or hang.
void check(Communicator const& comm, ReductionPlan const& plan) {
  auto const is_tree = plan.order == Order::tree && plan.collective != Collective::all_gather;
  auto const expected =
      is_tree ? subtrees_of(leaves_of(plan.leaves, comm.size(), comm.rank().value)).size() : 1;
  if (plan.sums.size() != expected)
    throw std::invalid_argument{
        fmt::format("a reduction over {} leaves on rank {} of {} takes {} "
                    "partial sums, and was given {}",
                    plan.leaves, comm.rank().value, comm.size(), expected, plan.sums.size())};
  for (auto const bucket : plan.buckets) {
    if (bucket.size > std::numeric_limits<int>::max())
      throw std::invalid_argument{"a bucket is too large for one MPI call: cut it"};
    for (auto const sum : plan.sums)
      if (bucket.first + bucket.size > sum.size())
        throw std::invalid_argument{"a bucket lies outside its arena"};
  }
}

std::unique_ptr<Reduction> make_own(Communicator const& comm, ReductionPlan const& plan) {
  check(comm, plan);
  return std::make_unique<OwnReduction>(comm, plan);
}

std::unique_ptr<Reduction> make_mpi(Communicator const& comm, ReductionPlan const& plan) {
  check(comm, plan);
  return std::make_unique<MpiReduction>(comm, plan);
}

/// Zeros in all buffers for as long as this lives: sums of sums would soon be infinite.
class ZerosMeanwhile {
 public:
  explicit ZerosMeanwhile(std::vector<std::span<float>> buffers) : buffers_{std::move(buffers)} {
    for (auto const buffer : buffers_) {
      kept_.emplace_back(buffer.begin(), buffer.end());
      std::ranges::fill(buffer, 0.0f);
    }
  }
  ZerosMeanwhile(ZerosMeanwhile const&) = delete;
  ZerosMeanwhile& operator=(ZerosMeanwhile const&) = delete;
  ~ZerosMeanwhile() {
    for (std::size_t i = 0; i < kept_.size(); ++i) std::ranges::copy(kept_[i], buffers_[i].begin());
  }

 private:
  std::vector<std::span<float>> buffers_;
  std::vector<std::vector<float>> kept_;
};

/// All buckets at once.
void run(Reduction& reduction, std::size_t buckets) {
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) reduction.start(bucket);
  reduction.wait();
}

/// What measured best, and what it says about that.
class Fastest : public Reduction {
 public:
  Fastest(Communicator const& comm, ReductionPlan const& plan) {
    ZerosMeanwhile const zeros{plan.sums};
    chosen_ = make_own(comm, plan);
    auto mpi = make_mpi(comm, plan);
    auto const buckets = plan.buckets.size();
    auto const timings =
        time_in_turns(comm, {[&] { run(*chosen_, buckets); }, [&] { run(*mpi, buckets); }});
    auto const own_seconds = timings[0].best;
    auto const mpi_seconds = timings[1].best;
    if (mpi_seconds < own_seconds) chosen_.swap(mpi);
    description_ = fmt::format("auto: {} ({:.2f} ms; {} took {:.2f})", chosen_->description(),
                               1e3 * std::min(own_seconds, mpi_seconds), mpi->description(),
                               1e3 * std::max(own_seconds, mpi_seconds));
    sent_before_ = chosen_->bytes_sent();
  }

  void start(std::size_t bucket) override { chosen_->start(bucket); }
  bool poll() override { return chosen_->poll(); }
  bool is_done(std::size_t bucket) const override { return chosen_->is_done(bucket); }
  void wait(std::size_t bucket) override { chosen_->wait(bucket); }
  void wait() override { chosen_->wait(); }
  std::string description() const override { return description_; }
  double seconds(std::size_t bucket) const override { return chosen_->seconds(bucket); }
  std::uint64_t bytes_sent() const override { return chosen_->bytes_sent() - sent_before_; }

 private:
  std::unique_ptr<Reduction> chosen_;
  std::string description_;
  std::uint64_t sent_before_ = 0;
};

}  // namespace

Registry<Reduction, Communicator const&, ReductionPlan const&> const& reductions() {
  static Registry<Reduction, Communicator const&, ReductionPlan const&> const list{
      {"mpi", "MPI's own collectives", make_mpi},
      {"own", "polled between tiles of compute, at the speed of the link", make_own},
      {"auto", "the faster of the two on these buckets, measured at the start",
       [](Communicator const& comm, ReductionPlan const& plan) {
         return std::make_unique<Fastest>(comm, plan);
       }},
  };
  return list;
}

}  // namespace canopy::comm
