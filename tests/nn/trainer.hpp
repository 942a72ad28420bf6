#pragma once

#include <memory>
#include <optional>

#include "canopy/nn/optimizer.hpp"
#include "canopy/nn/tree_sum.hpp"

#include "nn/networks.hpp"

namespace canopy::nn::test {

/// Training as a single process does it: virtual shards, tree sum, optimizer.
class Trainer {
 public:
  Trainer(Network const& network, RowsView<float> table, std::span<std::uint16_t const> labels,
          TrainingOptions const& options,
          std::optional<Standardisation> const& standardisation = {})
      : network_{network},
        table_{table},
        labels_{labels},
        options_{options},
        gather_{network.shape(0),
                standardisation.value_or(Standardisation::none(network.shape(0)))},
        arena_(initial<float>(network)),
        pass_{network, static_cast<int>(shard_rows(options.batch_size, 0).size())},
        sum_{network.arena_size(), 0, virtual_shards(options.batch_size)},
        optimizer_{make_optimizer(options, network, {0, network.arena_size()})},
        chosen_(static_cast<std::size_t>(pass_.most_rows())) {}

  /// One step on `rows`, a whole batch of them.
  Loss step(std::span<std::uint32_t const> rows) {
    auto const batch = static_cast<int>(rows.size());
    auto const shards = virtual_shards(batch);
    Loss total;
    sum_.begin();
    for (int shard = 0; shard < shards; ++shard) {
      auto const range = shard_rows(batch, shard);
      auto const loss = run(rows.subspan(range.begin, range.size()), sum_.place(shard));
      sum_.push(shard);
      total.sum += loss.sum;
      total.correct += loss.correct;
    }
    optimizer_->step({0, arena_.size()}, arena_, sum_.node(0),
                     {++steps_, options_.lr, 1.0 / batch, 1.0 / shards});
    return total;
  }

  /// Share of the rows that are recognised, of the table learnt from or of another one.
  double accuracy(std::span<std::uint32_t const> rows) { return accuracy(table_, labels_, rows); }
  double accuracy(RowsView<float> table, std::span<std::uint16_t const> labels,
                  std::span<std::uint32_t const> rows) {
    std::int64_t correct = 0;
    auto const most = static_cast<std::size_t>(pass_.most_rows());
    for (std::size_t begin = 0; begin < rows.size(); begin += most) {
      auto const part = rows.subspan(begin, std::min(most, rows.size() - begin));
      gather_(table, part, pass_.input());
      pass_.forward(arena_, MicroBatch::scoring(static_cast<int>(part.size())));
      correct += pass_.evaluate(chosen(labels, part)).correct;
    }
    return static_cast<double>(correct) / static_cast<double>(rows.size());
  }

  std::vector<float> const& arena() const { return arena_; }

 private:
  std::span<std::uint16_t const> chosen(std::span<std::uint16_t const> labels,
                                        std::span<std::uint32_t const> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) chosen_[i] = labels[rows[i]];
    return std::span{chosen_}.first(rows.size());
  }
  Loss run(std::span<std::uint32_t const> rows, TreeSum::Place place) {
    gather_(table_, rows, pass_.input());
    pass_.forward(arena_, {static_cast<int>(rows.size()), rows, Key{11}, true});
    auto const loss = pass_.loss(chosen(labels_, rows), options_.label_smoothing);
    pass_.backward(arena_, place.gradients, place.put);
    return loss;
  }

  Network const& network_;
  RowsView<float> table_;
  std::span<std::uint16_t const> labels_;
  TrainingOptions options_;
  Gather gather_;
  std::vector<float> arena_;
  Pass pass_;
  TreeSum sum_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<std::uint16_t> chosen_;
  std::int64_t steps_ = 0;
};

}  // namespace canopy::nn::test
