#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "canopy/comm/reduce/sum_tree.hpp"
#include "canopy/core/options.hpp"
#include "canopy/core/random.hpp"
#include "canopy/federate/aggregator.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/optimizer.hpp"
#include "canopy/nn/pass.hpp"
#include "canopy/nn/standardisation.hpp"
#include "canopy/train/network/feed.hpp"

namespace canopy::federate {

/// What a client does with its rows in a round, with the names of McMahan et al. 2017.
struct LocalOptions {
  int local_epochs = 1;  ///< E
  int local_steps = 0;   ///< so many batches instead of whole epochs; 0: epochs
  int batch_size = 32;   ///< B; 0: all rows of the client (the paper's infinity)
  double lr = 0.1;
  double lr_decay = 1;  ///< lr of round r is lr * lr_decay^(r-1)
  double momentum = 0;  ///< forgotten between rounds
  double weight_decay = 0;

  void describe(Options& options);
  double lr_of(std::int64_t round) const;
  /// Updates that so many rows make in a round.
  std::int64_t steps(std::int64_t rows) const;
};

/// Rows as their owner sees them.
struct LocalData {
  std::span<data::RowIndex const> rows;   ///< numbers in `feed`
  std::span<std::uint16_t const> labels;  ///< of these rows
  train::Feed const& feed;
  nn::Gather const& gather;
  std::span<float const> copies;  ///< row after row, in place of those of the feed; empty: none
};

/// One call of a client.
struct LocalWork {
  Key key{0};  ///< of the client and the round: order and dropout
  double lr = 0.1;
  std::int64_t steps = 0;
  int batch_size = 0;            ///< 0: all rows
  double proximal = 0;           ///< mu in g + mu (w - w_global)
  std::span<float const> shift;  ///< added to the gradient; empty: nothing
};

/// What training came to; delta stands in LocalTrainer::delta().
struct LocalOutcome {
  std::int64_t steps = 0;
  nn::Loss loss;          ///< summed over the rows seen, as they were seen
  std::int64_t seen = 0;  ///< rows, an epoch each counts
};

/// Ranks that train a client together: each works out some of the shards of every batch, and all
/// make the same steps.
class Team {
 public:
  virtual ~Team() = default;
  /// The first one has the result to tell; the others help.
  virtual bool leads() const = 0;
  /// Those of so many shards that are this rank's; may be none.
  virtual comm::Leaves block(int shards) const = 0;
  /// `sums` are those of comm::subtrees_of(block), one after the other, and `losses` of the block's
  /// shards. Leaves the sum of all shards in front, and the losses of all.
  virtual void add_up(int shards, std::vector<float>& sums, std::vector<nn::Loss>& losses) = 0;
};

/// Trains one client after another, all with the same memory: a rank has one, whatever the number
/// of its clients. The gradient of a batch is a sum over its virtual shards in the order of their
/// tree, as `canopy train` has it (nn::virtual_shards of the rows that are in the batch), so that
/// ranks of a team come to the bits of one alone.
class LocalTrainer {
 public:
  /// The network must outlive it.
  LocalTrainer(nn::Network const& network, LocalOptions const& options);

  /// From now on trains together with others. The team must outlive it.
  void join(Team* team) { team_ = team; }

  /// SGD from `model` on the client's rows. `tick` is called after every shard of
  /// a batch, and every 256 rows of a large one.
  LocalOutcome train(std::span<float const> model, LocalData const& data, LocalWork const& work,
                     std::function<void()> const& tick = {});
  /// Model after training less before.
  std::vector<float> delta(std::span<float const> model) const;

  /// Loss and hits of a model on rows, without training.
  nn::Loss evaluate(std::span<float const> model, LocalData const& data,
                    std::function<void()> const& tick = {});

 private:
  /// Rows of one step.
  struct Batch {
    LocalData const& data;
    std::span<std::uint32_t const> places;  ///< in the client's rows
    Key dropout;
    std::function<void()> const& tick;
  };
  void order_rows(LocalData const& data, Key key);
  nn::Loss gradient(Batch const& batch);
  void add_shards(Batch const& batch, comm::Subtree tree, std::span<float> to);
  void add_shard(Batch const& batch, int shard, std::span<float> to, nn::Put put);
  std::int64_t micro_batches(std::size_t rows) const;
  void correct(std::span<float const> model, LocalWork const& work, float rows);
  void load(LocalData const& data, std::span<std::uint32_t const> places);

  static constexpr int most_rows = 256;  ///< that go through the network together

  nn::Network const& network_;
  nn::TrainingOptions options_;
  nn::Pass pass_;
  Team* team_ = nullptr;
  std::vector<float> arena_;
  std::vector<float> gradients_;  ///< sums of this rank's sub-trees; in front that of the batch
  std::array<std::vector<float>, 4> right_;  ///< by level: of a sub-tree that is a right branch
  std::vector<nn::Loss> losses_;             ///< by shard
  std::vector<std::uint32_t> order_;         ///< places in the client's rows
  std::vector<data::RowIndex> rows_;         ///< of a micro-batch
  std::vector<std::uint16_t> labels_;
};

}  // namespace canopy::federate
