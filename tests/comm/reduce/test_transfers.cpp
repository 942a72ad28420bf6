// The plans of all algorithms, run without MPI: ranks are arrays, messages are copies in queues.
#include <deque>
#include <map>
#include <numeric>

#include <gtest/gtest.h>

#include "comm/reduce/leaf_numbers.hpp"
#include "reduce/transfers.hpp"

namespace canopy::comm {
namespace {

using Floats = std::vector<float>;

/// One rank that carries out its transfers.
struct Worker {
  Transfers plan;
  std::vector<Floats> sums;
  Floats scratch = Floats(plan.scratch);
  std::size_t sent = 0, received = 0, added = 0;
  std::size_t sent_floats = 0;

  float* at(Place place) {
    auto& floats = place.buffer == Place::scratch ? scratch : sums[place.buffer];
    return floats.data() + place.first;
  }
  bool is_done() const { return sent == plan.sends.size() && received == plan.receives.size(); }
};

class Simulation {
 public:
  explicit Simulation(std::vector<Worker> workers) : workers_{std::move(workers)} {}

  /// Ranks move in a random order until nobody can; true when all have finished.
  bool run(std::uint64_t seed) {
    Stream stream{Key{seed}};
    std::vector<int> order(workers_.size());
    std::iota(order.begin(), order.end(), 0);
    for (bool moved = true; moved;) {
      moved = false;
      stream.shuffle(std::span{order});
      for (auto const rank : order)
        if (stream.below(2) == 0)
          moved = send(rank) || receive(rank) || moved;
        else
          moved = receive(rank) || send(rank) || moved;
    }
    return std::ranges::all_of(workers_, &Worker::is_done) &&
           std::ranges::all_of(queues_, [](auto const& queue) { return queue.second.empty(); });
  }
  std::vector<Worker> const& workers() const { return workers_; }

 private:
  bool send(int rank) {
    auto& me = workers_[static_cast<std::size_t>(rank)];
    if (me.sent == me.plan.sends.size()) return false;
    auto const& send = me.plan.sends[me.sent];
    if (send.after > me.received) return false;
    auto const* from = me.at(send.from);
    queues_[{rank, send.peer}].emplace_back(from, from + send.size);
    ++me.sent;
    me.sent_floats += send.size;
    return true;
  }

  bool receive(int rank) {
    auto& me = workers_[static_cast<std::size_t>(rank)];
    if (me.received == me.plan.receives.size()) return false;
    auto const& receive = me.plan.receives[me.received];
    auto& queue = queues_[{receive.peer, rank}];
    if (receive.after > me.sent || queue.empty()) return false;
    EXPECT_EQ(queue.front().size(), receive.size);
    std::ranges::copy(queue.front(), me.at(receive.to));
    queue.pop_front();
    ++me.received;
    for (; me.added < receive.additions; ++me.added) {
      auto const& addition = me.plan.additions[me.added];
      for (std::size_t i = 0; i < addition.size; ++i)
        me.at(addition.to)[i] = me.at(addition.a)[i] + me.at(addition.b)[i];
    }
    return true;
  }

  std::vector<Worker> workers_;
  std::map<std::pair<int, int>, std::deque<Floats>> queues_;
};

Range const bucket{5, 101};
constexpr std::size_t size = 110;

struct Algorithm {
  std::string name;
  std::function<Transfers(BucketTask const&)> write;
  bool is_even = true;  ///< all ranks send the least that is possible
};

Algorithm routed(int leaves) {
  auto const write = [leaves](BucketTask const& task) {
    Router router{leaves, task.ranks};
    return routed_tree(task, router);
  };
  return {"routed tree", write, false};
}

/// Every rank with the partial sums of its leaves; ranks that follow a free order have one.
std::vector<Worker> workers(Algorithm const& algorithm, Order order, int leaves, BucketTask task) {
  std::vector<Worker> list;
  for (task.rank = 0; task.rank < task.ranks; ++task.rank) {
    PartialSums sums{order, leaves, task.ranks, task.rank, size};
    for (int leaf = sums.block().first; leaf < sums.block().end; ++leaf) {
      std::ranges::copy(leaf_numbers(leaf, size), sums.leaf(leaf).begin());
      sums.merge(leaf, {0, size});
    }
    std::vector<Floats> copies;
    for (auto const sum : sums.sums()) copies.emplace_back(sum.begin(), sum.end());
    list.push_back({algorithm.write(task), copies});
  }
  return list;
}

/// What must hold in the range: equal bits with the tree, nearly equal numbers otherwise.
void expect_sum(Order order, Floats const& total, Range range, Floats const& tree) {
  auto const part = [range](Floats const& all) {
    return std::span{all}.subspan(range.first, range.size);
  };
  if (order == Order::tree) {
    EXPECT_TRUE(same_bits(part(total), part(tree)));
  } else {
    for (std::size_t i = range.first; i < range.first + range.size; ++i)
      EXPECT_NEAR(total[i], tree[i], 1e-3);
  }
}

/// What rings and halving send, in floats: all but one slice, once or twice; slices differ by one.
std::size_t least_floats(Collective collective, std::size_t ranks) {
  auto const times = collective == Collective::all_reduce ? 2u : 1u;
  return times * (bucket.size * (ranks - 1) / ranks + ranks);
}

void expect_works(Algorithm const& algorithm, Order order, int leaves, int ranks,
                  std::size_t chunk) {
  SCOPED_TRACE(algorithm.name + ", " + std::to_string(leaves) + " leaves, " +
               std::to_string(ranks) + " ranks, chunks of " + std::to_string(chunk));
  auto const tree = tree_sum(leaves, size);
  for (auto const collective : {Collective::all_reduce, Collective::reduce_scatter}) {
    Simulation simulation{workers(algorithm, order, leaves, {collective, ranks, 0, bucket, chunk})};
    ASSERT_TRUE(simulation.run(static_cast<std::uint64_t>(ranks))) << "stuck";
    for (int rank = 0; rank < ranks; ++rank) {
      auto const& worker = simulation.workers()[static_cast<std::size_t>(rank)];
      auto const range =
          collective == Collective::all_reduce ? bucket : slice_of(bucket, ranks, rank);
      expect_sum(order, worker.sums[0], range, tree);
      if (algorithm.is_even) {
        EXPECT_LE(worker.sent_floats, least_floats(collective, static_cast<std::size_t>(ranks)));
      }
    }
  }
  if (!algorithm.is_even) return;  // a tree is for sums only
  Simulation gather{
      workers(algorithm, Order::free, leaves, {Collective::all_gather, ranks, 0, bucket, chunk})};
  auto const before = gather.workers();
  ASSERT_TRUE(gather.run(1)) << "stuck";
  for (int owner = 0; owner < ranks; ++owner) {
    auto const slice = slice_of(bucket, ranks, owner);
    auto const& brought = before[static_cast<std::size_t>(owner)].sums[0];
    for (auto const& worker : gather.workers())
      EXPECT_TRUE(same_bits(std::span{worker.sums[0]}.subspan(slice.first, slice.size),
                            std::span{brought}.subspan(slice.first, slice.size)));
  }
}

TEST(Transfers, TreeGivesTheSerialBitsForEveryNumberOfRanks) {
  for (int leaves : {1, 2, 4, 8, 16})
    for (int ranks = 1; ranks <= leaves; ++ranks)
      for (std::size_t chunk : {3u, 1000u}) {
        expect_works(routed(leaves), Order::tree, leaves, ranks, chunk);
        if (std::has_single_bit(static_cast<unsigned>(ranks)))
          expect_works({"halving-doubling", halving_doubling}, Order::tree, leaves, ranks, chunk);
      }
}

TEST(Transfers, TheRingSumsForEveryNumberOfRanks) {
  for (int ranks = 1; ranks <= 16; ++ranks)
    for (std::size_t chunk : {3u, 1000u})
      expect_works({"ring", ring}, Order::free, 16, ranks, chunk);
}

TEST(Transfers, SlicesOfTinyBucketsMayBeEmpty) {
  for (std::size_t floats = 0; floats < 5; ++floats)
    for (auto const& algorithm :
         {Algorithm{"ring", ring}, Algorithm{"halving-doubling", halving_doubling}, routed(8)}) {
      BucketTask const task{Collective::all_reduce, 8, 0, {7, floats}, 2};
      Simulation simulation{workers(algorithm, Order::tree, 8, task)};
      ASSERT_TRUE(simulation.run(3)) << algorithm.name;
      auto const tree = tree_sum(8, size);
      for (auto const& worker : simulation.workers())
        expect_sum(algorithm.name == "ring" ? Order::free : Order::tree, worker.sums[0],
                   task.bucket, tree);
    }
}

/// What the busiest rank sends and receives when a vector is summed in so many buckets, in vectors.
std::pair<double, double> busiest(Collective collective, int ranks, std::size_t buckets) {
  Range const all{0, 1'200'000};
  std::vector<double> sent(static_cast<std::size_t>(ranks)), received = sent;
  for (int rank = 0; rank < ranks; ++rank) {
    Router router{16, ranks};
    for (std::size_t i = 0; i < buckets; ++i) {
      auto const part = slice_of(all, static_cast<int>(buckets), static_cast<int>(i));
      for (auto const& send : routed_tree({collective, ranks, rank, part, 16'000}, router).sends) {
        sent[static_cast<std::size_t>(rank)] += static_cast<double>(send.size);
        received[static_cast<std::size_t>(send.peer)] += static_cast<double>(send.size);
      }
    }
  }
  auto const floats = static_cast<double>(all.size);
  return {std::ranges::max(sent) / floats, std::ranges::max(received) / floats};
}

TEST(Transfers, RoutesLoadAllLinksAlike) {
  for (int ranks : {3, 5, 6, 7, 9, 12, 15})
    for (std::size_t buckets : {1u, 8u}) {
      auto const [sent, received] = busiest(Collective::all_reduce, ranks, buckets);
      // The least for any all-reduce is 2 (p-1)/p.
      EXPECT_LE(sent, 2.15) << ranks << " ranks, " << buckets << " buckets";
      EXPECT_LE(received, 2.15) << ranks << " ranks, " << buckets << " buckets";
    }
  // Whose slice it is leaves less to choose.
  auto const [sent, received] = busiest(Collective::reduce_scatter, 3, 1);
  EXPECT_LE(sent, 1.75);
  EXPECT_LE(received, 1.75);
}

TEST(Transfers, NothingOutsideTheBucketIsTouched) {
  auto const before = workers({"ring", ring}, Order::free, 16, {{}, 3, 0, bucket, 8});
  Simulation simulation{before};
  ASSERT_TRUE(simulation.run(1));
  for (std::size_t rank = 0; rank < 3; ++rank)
    for (std::size_t i = 0; i < size; ++i)
      if (i < bucket.first || i >= bucket.first + bucket.size) {
        EXPECT_EQ(simulation.workers()[rank].sums[0][i], before[rank].sums[0][i]);
      }
}

}  // namespace
}  // namespace canopy::comm
