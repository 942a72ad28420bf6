#include "canopy/federate/local_training.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "canopy/nn/tree_sum.hpp"

namespace canopy::federate {
namespace {

nn::TrainingOptions sgd(LocalOptions const& options) {
  nn::TrainingOptions result;
  result.optimizer = "sgd";
  result.momentum = options.momentum;
  result.weight_decay = options.weight_decay;
  return result;
}

}  // namespace

void LocalOptions::describe(Options& o) {
  o.group("Training at the clients");
  o.row("local-epochs", local_epochs, "E: times a client goes over its rows in a round",
        at_least(1));
  o.row("local-steps", local_steps, "so many batches instead of whole epochs; 0: epochs",
        at_least(0));
  o.row("batch-size", batch_size, "B: rows of a local batch; 0: all rows of the client",
        at_least(0));
  o.row("lr", lr, "learning rate of the clients", more_than(0.0));
  o.row("lr-decay", lr_decay, "the learning rate is multiplied by this after every round",
        {"more than 0 and at most 1", [](double const& x) { return x > 0 && x <= 1; }});
  o.row("momentum", momentum, "of the clients' SGD; begins at 0 in every round",
        {"at least 0 and less than 1", [](double const& x) { return x >= 0 && x < 1; }});
  o.row("weight-decay", weight_decay, "of the clients' SGD", at_least(0.0));
}

double LocalOptions::lr_of(std::int64_t round) const {
  return lr * std::pow(lr_decay, static_cast<double>(round - 1));
}

std::int64_t LocalOptions::steps(std::int64_t rows) const {
  if (local_steps > 0) return local_steps;
  auto const batch = batch_size == 0 ? std::max<std::int64_t>(rows, 1) : batch_size;
  return local_epochs * ((rows + batch - 1) / batch);
}

LocalTrainer::LocalTrainer(nn::Network const& network, LocalOptions const& options)
    : network_{network},
      options_{sgd(options)},
      pass_{network, options.batch_size == 0 ? most_rows : std::min(most_rows, options.batch_size)},
      gradients_(network.arena_size()) {}

void LocalTrainer::order_rows(LocalData const& data, Key key) {
  order_.resize(data.rows.size());
  std::iota(order_.begin(), order_.end(), 0u);
  Stream{key}.shuffle(std::span{order_});
}

void LocalTrainer::load(LocalData const& data, std::span<std::uint32_t const> places) {
  rows_.clear();
  labels_.clear();
  for (auto const place : places) {
    rows_.push_back(data.rows[place]);
    labels_.push_back(data.labels[place]);
  }
  if (data.copies.empty()) {
    data.feed.inputs(rows_, pass_.input());
    return;
  }
  auto const columns = data.feed.samples().columns();
  nn::RowsView<float> const copies{data.copies.data(), std::ssize(data.rows), columns, columns};
  data.gather(copies, places, pass_.input());
}

/// Puts the gradient of the sum over a batch to the front of gradients_.
nn::Loss LocalTrainer::gradient(Batch const& batch) {
  auto const shards = nn::virtual_shards(static_cast<int>(batch.places.size()));
  auto const block = team_ != nullptr ? team_->block(shards) : comm::Leaves{0, shards};
  auto const trees = comm::subtrees_of(block);
  auto const length = network_.arena_size();
  losses_.clear();
  gradients_.resize(std::max<std::size_t>(trees.size(), 1) * length);
  for (std::size_t i = 0; i < trees.size(); ++i)
    add_shards(batch, trees[i], std::span{gradients_}.subspan(i * length, length));
  if (team_ != nullptr) team_->add_up(shards, gradients_, losses_);
  nn::Loss total;
  for (auto const& loss : losses_) {
    total += loss;
  }
  return total;
}

/// Writes the sum over the shards of a sub-tree, in the order of the tree whoever has the rest.
void LocalTrainer::add_shards(Batch const& batch, comm::Subtree tree, std::span<float> to) {
  if (tree.level == 0) return add_shard(batch, tree.first, to, nn::Put::write);
  comm::Subtree const left{tree.first, tree.level - 1};
  comm::Subtree const right{tree.first + left.size(), left.level};
  add_shards(batch, left, to);
  auto const rows = nn::shard_rows(static_cast<int>(batch.places.size()), right.first).size();
  if (right.level == 0 && std::cmp_less_equal(rows, pass_.most_rows()))
    return add_shard(batch, right.first, to, nn::Put::add);
  auto& sum = right_[static_cast<std::size_t>(right.level)];
  sum.resize(to.size());
  add_shards(batch, right, sum);
  nn::add(to, std::span<float const>{sum});
}

/// A shard, in pieces when it has many rows.
void LocalTrainer::add_shard(Batch const& batch, int shard, std::span<float> to, nn::Put put) {
  auto const rows = nn::shard_rows(static_cast<int>(batch.places.size()), shard);
  auto const places = batch.places.subspan(rows.begin, rows.size());
  auto const size = static_cast<std::size_t>(pass_.most_rows());
  auto& total = losses_.emplace_back();
  for (std::size_t begin = 0; begin < places.size(); begin += size) {
    load(batch.data, places.subspan(begin, std::min(size, places.size() - begin)));
    pass_.forward(arena_, {static_cast<int>(rows_.size()), rows_, batch.dropout, true});
    auto const loss = pass_.loss(labels_);
    pass_.backward(arena_, to, begin == 0 ? put : nn::Put::add);
    total += loss;
    if (batch.tick) batch.tick();
  }
}

/// How often rows of a batch go through the network, on all ranks together.
std::int64_t LocalTrainer::micro_batches(std::size_t rows) const {
  auto const batch = static_cast<int>(rows);
  auto const most = static_cast<std::size_t>(pass_.most_rows());
  std::size_t count = 0;
  for (int shard = 0; shard < nn::virtual_shards(batch); ++shard)
    count += (nn::shard_rows(batch, shard).size() + most - 1) / most;
  return static_cast<std::int64_t>(count);
}

/// Gradients are sums over `rows`, and so is what is added.
void LocalTrainer::correct(std::span<float const> model, LocalWork const& work, float rows) {
  auto const parameters = network_.parameters();
  if (work.proximal > 0) {
    auto const pull = rows * static_cast<float>(work.proximal);
    for (std::size_t i = 0; i < parameters; ++i) gradients_[i] += pull * (arena_[i] - model[i]);
  }
  for (std::size_t i = 0; i < work.shift.size(); ++i) gradients_[i] += rows * work.shift[i];
}

LocalOutcome LocalTrainer::train(std::span<float const> model, LocalData const& data,
                                 LocalWork const& work, std::function<void()> const& tick) {
  arena_.assign(model.begin(), model.end());
  auto const optimizer = nn::make_optimizer(options_, network_, {0, network_.arena_size()});
  auto const rows = data.rows.size();
  auto const batch = work.batch_size == 0 ? rows : static_cast<std::size_t>(work.batch_size);
  LocalOutcome outcome;
  std::size_t next = rows;
  for (std::int64_t epoch = 0; outcome.steps < work.steps;) {
    if (next >= rows) {
      order_rows(data, work.key.with("order").with(static_cast<std::uint64_t>(epoch++)));
      next = 0;
    }
    auto const size = std::min(batch, rows - next);
    auto const dropout = work.key.with("dropout").with(static_cast<std::uint64_t>(outcome.steps));
    auto const loss = gradient({data, std::span{order_}.subspan(next, size), dropout, tick});
    correct(model, work, static_cast<float>(size));
    ++outcome.steps;
    optimizer->step({0, network_.arena_size()}, arena_,
                    std::span{gradients_}.first(network_.arena_size()),
                    {outcome.steps, work.lr, 1 / static_cast<double>(size),
                     1 / static_cast<double>(micro_batches(size))});
    next += size;
    outcome.loss += loss;
    outcome.seen += static_cast<std::int64_t>(size);
  }
  return outcome;
}

std::vector<float> LocalTrainer::delta(std::span<float const> model) const {
  std::vector<float> result(arena_.size());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = arena_[i] - model[i];
  return result;
}

nn::Loss LocalTrainer::evaluate(std::span<float const> model, LocalData const& data,
                                std::function<void()> const& tick) {
  nn::Loss total;
  order_.resize(data.rows.size());
  std::iota(order_.begin(), order_.end(), 0u);
  auto const size = static_cast<std::size_t>(pass_.most_rows());
  for (std::size_t begin = 0; begin < order_.size(); begin += size) {
    load(data, std::span{order_}.subspan(begin, std::min(size, order_.size() - begin)));
    pass_.forward(model, nn::MicroBatch::scoring(static_cast<int>(rows_.size())));
    auto const loss = pass_.evaluate(labels_);
    total += loss;
    if (tick) tick();
  }
  return total;
}

}  // namespace canopy::federate
