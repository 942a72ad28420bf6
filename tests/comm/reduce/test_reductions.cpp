#include <chrono>
#include <cmath>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "canopy/comm/reduce/reduction.hpp"
#include "canopy/core/clock.hpp"

#include "comm/reduce/leaf_numbers.hpp"
#include "support/allocations.hpp"
#include "support/aside.hpp"

namespace canopy::comm {
namespace {

constexpr int leaves = 16;
constexpr std::size_t size = 40'000;  // some chunks, and more than MPI sends without asking
std::vector<Range> const buckets{{0, 1}, {1, 3}, {4, 24'000}, {24'004, 0}, {24'004, 15'000}};

void sleep_randomly(Stream& stream) {
  std::this_thread::sleep_for(std::chrono::microseconds{stream.below(3000)});
}

/// The sum of all leaves, made once for each seed.
std::vector<float> const& expected_sum(std::uint64_t seed) {
  static std::map<std::uint64_t, std::vector<float>> sums;
  auto& sum = sums[seed];
  if (sum.empty()) sum = tree_sum(leaves, size, seed);
  return sum;
}

/// Sums of this rank's leaves, with numbers of the given seed.
class Problem {
 public:
  explicit Problem(Communicator const& comm, Order order)
      : comm_{comm}, sums_{order, leaves, comm.size(), comm.rank().value, size} {}

  void fill(std::uint64_t seed) {
    for (int leaf = sums_.block().first; leaf < sums_.block().end; ++leaf) {
      std::ranges::copy(leaf_numbers(leaf, size, seed), sums_.leaf(leaf).begin());
      sums_.merge(leaf, {0, size});
    }
  }

  ReductionPlan plan(Collective collective = Collective::all_reduce) const {
    ReductionPlan plan;
    plan.collective = collective;
    plan.order = sums_.order();
    plan.leaves = leaves;
    plan.sums = sums_.sums();
    plan.buckets = buckets;
    return plan;
  }
  std::span<float> total() const { return sums_.total(); }

  std::span<float const> mine(Range bucket) const {
    auto const slice = slice_of(bucket, comm_.size(), comm_.rank().value);
    return total().subspan(slice.first, slice.size);
  }

 private:
  Communicator comm_;
  PartialSums sums_;
};

/// Whether every rank has the same bits as the root.
bool equal_on_all_ranks(Communicator const& comm, std::span<float const> floats) {
  auto const root = comm.broadcast(std::vector<float>{floats.begin(), floats.end()});
  return same_bits(floats, root);
}

void expect_near(std::span<float const> sum, std::span<float const> expected, double tolerance) {
  ASSERT_EQ(sum.size(), expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < sum.size(); ++i)
    worst = std::max(worst, static_cast<double>(std::abs(sum[i] - expected[i])));
  EXPECT_LE(worst, tolerance);
}

bool covered(std::size_t i) {
  return std::ranges::any_of(
      buckets, [i](Range bucket) { return i >= bucket.first && i < bucket.first + bucket.size; });
}

class EveryReduction : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Reduction> make(ReductionPlan const& plan) const {
    return reductions().make(GetParam(), world_, plan);
  }
  Communicator world_ = Communicator::world();
};

TEST_P(EveryReduction, TreeGivesTheBitsOfTheSerialTree) {
  Problem problem{world_, Order::tree};
  auto const reduction = make(problem.plan());
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    problem.fill(seed);
    for (std::size_t bucket = 0; bucket < buckets.size(); ++bucket) reduction->start(bucket);
    reduction->wait();
    auto const& expected = expected_sum(seed);
    for (auto const bucket : buckets)
      EXPECT_TRUE(same_bits(problem.total().subspan(bucket.first, bucket.size),
                            std::span{expected}.subspan(bucket.first, bucket.size)))
          << reduction->description();
  }
}

TEST_P(EveryReduction, FreeSumsToWithinRounding) {
  Problem problem{world_, Order::free};
  auto const reduction = make(problem.plan());
  problem.fill(1);
  auto const before = std::vector<float>{problem.total().begin(), problem.total().end()};
  for (std::size_t bucket = buckets.size(); bucket-- > 0;) reduction->start(bucket);
  reduction->wait();
  auto expected = expected_sum(1);
  for (std::size_t i = 0; i < size; ++i)
    if (!covered(i)) expected[i] = before[i];
  expect_near(problem.total(), expected, 1e-3);
}

TEST_P(EveryReduction, HalvesRoundButAllRanksAgree) {
  for (auto const order : {Order::tree, Order::free}) {
    Problem problem{world_, order};
    auto plan = problem.plan();
    plan.wire = Wire::fp16;
    plan.buckets = {{0, size}};
    auto const reduction = make(plan);
    problem.fill(1);
    reduction->start(0);
    reduction->wait();
    // Sums reach about 400, where halves are 0.25 apart, and few hops round.
    expect_near(problem.total(), expected_sum(1), 2);
    EXPECT_TRUE(equal_on_all_ranks(world_, problem.total())) << reduction->description();
  }
}

TEST_P(EveryReduction, ReduceScatterThenAllGatherIsAnAllReduce) {
  for (auto const order : {Order::tree, Order::free}) {
    Problem problem{world_, order};
    auto const scatter = make(problem.plan(Collective::reduce_scatter));
    auto gather_plan = problem.plan(Collective::all_gather);
    std::vector<float> parameters(size, -1.0f);
    gather_plan.sums = {parameters};
    auto const gather = make(gather_plan);
    problem.fill(2);
    auto const& expected = expected_sum(2);
    for (std::size_t b = 0; b < buckets.size(); ++b) scatter->start(b);
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      scatter->wait(b);
      auto const slice = slice_of(buckets[b], world_.size(), world_.rank().value);
      auto const part = std::span{expected}.subspan(slice.first, slice.size);
      if (order == Order::tree)
        EXPECT_TRUE(same_bits(problem.mine(buckets[b]), part)) << scatter->description();
      else
        expect_near(problem.mine(buckets[b]), part, 1e-3);
      std::ranges::copy(part, parameters.begin() + static_cast<std::ptrdiff_t>(slice.first));
      gather->start(b);
    }
    gather->wait();
    for (std::size_t i = 0; i < size; ++i)
      ASSERT_EQ(parameters[i], covered(i) ? expected[i] : -1.0f) << gather->description();
  }
}

TEST_P(EveryReduction, ManyBucketsInFlightWithDelaysAndPolls) {
  Problem problem{world_, Order::tree};
  auto plan = problem.plan();
  plan.buckets.clear();
  for (std::size_t first = 0; first + 2000 <= size; first += 2000)
    plan.buckets.push_back({first, 2000});
  plan.chunk_bytes = 4000;
  auto const reduction = make(plan);
  Stream delays{Key{7}.with(static_cast<std::uint64_t>(world_.rank().value))};
  for (std::uint64_t step = 1; step <= 4; ++step) {
    problem.fill(step);
    for (std::size_t bucket = 0; bucket < plan.buckets.size(); ++bucket) {
      if (delays.below(4) == 0) sleep_randomly(delays);
      reduction->start(bucket);
      for (auto polls = delays.below(4); polls > 0; --polls) reduction->poll();
    }
    // Buckets are waited for one by one, as an optimizer does that begins with the first.
    for (std::size_t bucket = 0; bucket < plan.buckets.size(); ++bucket) {
      reduction->wait(bucket);
      EXPECT_TRUE(reduction->is_done(bucket));
      EXPECT_GE(reduction->seconds(bucket), 0);
    }
    EXPECT_TRUE(same_bits(problem.total(), expected_sum(step))) << "step " << step;
  }
}

TEST_P(EveryReduction, AllocatesNothingOnceMade) {
  Problem problem{world_, Order::tree};
  auto plan = problem.plan();
  for (auto const wire : {Wire::fp32, Wire::fp16}) {
    plan.wire = wire;
    auto const reduction = make(plan);
    auto const before = allocations();
    for (int step = 0; step < 3; ++step) {
      for (std::size_t bucket = 0; bucket < buckets.size(); ++bucket) {
        reduction->start(bucket);
        reduction->poll();
      }
      reduction->wait();
    }
    for (int step = 0; step < 20; ++step) {
      reduction->start(2);
      reduction->wait(2);
    }
    EXPECT_EQ(allocations(), before) << reduction->description();
  }
}

TEST_P(EveryReduction, RefusesPlansThatDoNotFit) {
  Problem problem{world_, Order::tree};
  auto plan = problem.plan();
  plan.buckets.push_back({size - 1, 2});
  EXPECT_THROW(make(plan), std::invalid_argument);
  plan = problem.plan();
  plan.sums.push_back(plan.sums[0]);
  EXPECT_THROW(make(plan), std::invalid_argument);
}

TEST_P(EveryReduction, SaysWhatItDoesAndSends) {
  Problem problem{world_, Order::free};
  auto plan = problem.plan();
  plan.buckets = {{0, size}};
  auto const reduction = make(plan);
  reduction->start(0);
  reduction->wait();
  auto const ranks = static_cast<double>(world_.size());
  auto const least = 2 * (ranks - 1) / ranks * size * sizeof(float);
  EXPECT_NEAR(static_cast<double>(reduction->bytes_sent()), least, 8 * ranks);
  EXPECT_NE(reduction->description().find("free"), std::string::npos);
  EXPECT_TRUE(GetParam() != "auto" || reduction->description().find(" took ") != std::string::npos);
}

/// The last rank is silent until all others have named it, also those that do not wait for it but
/// for one who does.
TEST_P(EveryReduction, NamesTheRankThatNeverComes) {
  if (world_.size() == 1) return;
  Rank const lost{world_.size() - 1};
  for (auto const order : {Order::free, Order::tree}) {
    Problem problem{world_, order};
    Pulse pulse{world_, 0.5};
    test::Aside noticed{world_};
    auto plan = problem.plan();
    plan.pulse = &pulse;
    auto const reduction = make(plan);
    auto const start_all = [&] {
      for (std::size_t bucket = 0; bucket < buckets.size(); ++bucket) reduction->start(bucket);
    };
    if (world_.rank() == lost) {
      noticed.await(world_.size() - 1);
      // Takes what the others have sent, which may else leave from memory that is theirs no more.
      try {
        start_all();
        for (Stopwatch const clock; clock.seconds() < 0.3;) reduction->poll();
      } catch (LostPeer const& e) {
        EXPECT_EQ(e.peer, lost) << "the others have said so";
      }
    } else {
      try {
        start_all();
        reduction->wait();
        ADD_FAILURE() << "nothing was thrown";
      } catch (LostPeer const& e) {
        EXPECT_EQ(e.peer, lost) << e.what();
        auto const text = std::string{e.what()};
        EXPECT_NE(text.find("rank " + std::to_string(lost.value)), std::string::npos) << text;
        EXPECT_NE(text.find("all-reduce of bucket"), std::string::npos) << text;
      }
      noticed.come();
    }
    world_.barrier();
  }
}

TEST_P(EveryReduction, ARankThatIsOnlyLateIsWaitedFor) {
  if (world_.size() == 1) return;
  Problem problem{world_, Order::tree};
  Pulse pulse{world_, 0.4};
  auto plan = problem.plan();
  plan.pulse = &pulse;
  auto const reduction = make(plan);
  problem.fill(1);
  if (world_.is_root())  // computes for longer than the time-out, and polls
    for (Stopwatch const clock; clock.seconds() < 1;) {
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
      reduction->poll();
    }
  reduction->start(2);
  reduction->wait();
  auto const& expected = expected_sum(1);
  EXPECT_TRUE(
      same_bits(problem.total().subspan(4, 24'000), std::span{expected}.subspan(4, 24'000)));
}

INSTANTIATE_TEST_SUITE_P(All, EveryReduction, ::testing::ValuesIn(reductions().names()),
                         [](auto const& entry) { return entry.param; });

}  // namespace
}  // namespace canopy::comm
