#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "canopy/nn/pass.hpp"
#include "canopy/train/network/strategy.hpp"

namespace canopy::train {

/// The rows of one shard, and their losses: what all strategies do alike.
class ShardRows {
 public:
  ShardRows(Feed const& feed, ShardPlan const& plan, double label_smoothing)
      : feed_{feed},
        plan_{plan},
        label_smoothing_{label_smoothing},
        labels_(static_cast<std::size_t>(plan.most_shard_rows())),
        losses_(static_cast<std::size_t>(plan.shards())) {}

  std::span<data::RowIndex const> rows(Update const& update, int shard) const {
    auto const places = plan_.places(update.in_epoch, shard);
    return update.order.subspan(places.begin, places.size());
  }
  nn::MicroBatch micro_batch(Update const& update, int shard) const {
    auto const samples = rows(update, shard);
    return {static_cast<int>(samples.size()), samples, update.dropout, true};
  }
  void inputs(Update const& update, int shard, std::span<float> input) const {
    feed_.inputs(rows(update, shard), input);
  }
  /// The pass has come to the logits: counts their loss and leaves its gradient in the pass.
  void loss(Update const& update, int shard, nn::Pass& pass) {
    auto const samples = rows(update, shard);
    auto const labels = std::span{labels_}.first(samples.size());
    feed_.labels(samples, labels);
    losses_[static_cast<std::size_t>(shard)] += pass.loss(labels, label_smoothing_);
  }
  std::vector<nn::Loss>& losses() { return losses_; }

 private:
  Feed const& feed_;
  ShardPlan const& plan_;
  double label_smoothing_;
  std::vector<std::uint16_t> labels_;
  std::vector<nn::Loss> losses_;
};

/// Works out gradients of whole shards through the whole network.
class ShardWorker {
 public:
  ShardWorker(nn::Network const& network, Feed const& feed, ShardPlan const& plan,
              nn::TrainingOptions const& training, Trace& trace)
      : trace_{trace},
        rows_{feed, plan, training.label_smoothing},
        pass_{network, plan.most_shard_rows()} {}

  /// For those who poll messages: `call()` in the midst of computing.
  void call_meanwhile(std::function<void()> call) { pass_.call_meanwhile(std::move(call)); }

  /// The gradient of the shard, put into `place`; `done(layer)` from the last layer to the first.
  /// The shard must not be empty.
  void gradient(Update const& update, int shard, std::span<float const> arena,
                nn::TreeSum::Place place, std::function<void(int)> const& done) {
    auto begin = trace_.now();
    rows_.inputs(update, shard, pass_.input());
    pass_.forward(arena, rows_.micro_batch(update, shard));
    rows_.loss(update, shard, pass_);
    trace_.add(Doing::forward, shard, begin);
    begin = trace_.now();
    pass_.backward(arena, place.gradients, place.put, done);
    trace_.add(Doing::backward, shard, begin);
  }
  bool is_empty(Update const& update, int shard) const { return rows_.rows(update, shard).empty(); }
  std::vector<nn::Loss>& losses() { return rows_.losses(); }

 private:
  Trace& trace_;
  ShardRows rows_;
  nn::Pass pass_;
};

}  // namespace canopy::train
