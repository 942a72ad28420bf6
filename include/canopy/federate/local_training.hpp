#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

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

/// Trains one client after another, all with the same memory: a rank has one, whatever the number
/// of its clients.
class LocalTrainer {
 public:
  /// The network must outlive it.
  LocalTrainer(nn::Network const& network, LocalOptions const& options);

  /// SGD from `model` on the client's rows. `tick` is called after every 256 rows or batch.
  LocalOutcome train(std::span<float const> model, LocalData const& data, LocalWork const& work,
                     std::function<void()> const& tick = {});
  /// Model after training less before.
  std::vector<float> delta(std::span<float const> model) const;

  /// Loss and hits of a model on rows, without training.
  nn::Loss evaluate(std::span<float const> model, LocalData const& data,
                    std::function<void()> const& tick = {});

 private:
  void order_rows(LocalData const& data, Key key);
  nn::Loss gradient(LocalData const& data, std::span<std::uint32_t const> places, Key dropout,
                    std::function<void()> const& tick);
  void correct(std::span<float const> model, LocalWork const& work, float rows);
  void load(LocalData const& data, std::span<std::uint32_t const> places);

  static constexpr int most_rows = 256;  ///< that go through the network together

  nn::Network const& network_;
  nn::TrainingOptions options_;
  nn::Pass pass_;
  std::vector<float> arena_;
  std::vector<float> gradients_;
  std::vector<std::uint32_t> order_;  ///< places in the client's rows
  std::vector<data::RowIndex> rows_;  ///< of a micro-batch
  std::vector<std::uint16_t> labels_;
};

}  // namespace canopy::federate
