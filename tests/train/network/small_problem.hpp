#pragma once

#include <numeric>
#include <string>

#include "canopy/data/samples.hpp"
#include "canopy/data/source.hpp"
#include "canopy/nn/architecture.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/train/network/fit.hpp"

namespace canopy::test {

/// A network and some generated digits to learn from, small enough to train in moments.
struct SmallProblem {
  explicit SmallProblem(std::string const& model, int rows = 300, int validation = 0)
      : samples{[&] {
          data::Source source;
          source.data = "synthetic:mnist,rows=" + std::to_string(rows + validation);
          return data::Samples::pack(data::load(source, 7).train);
        }()},
        network{nn::architecture(model, {1, 28, 28}, 10)},
        rows_to_learn(static_cast<std::size_t>(rows)),
        rows_to_validate(static_cast<std::size_t>(validation)),
        feed{samples, {1, 28, 28}, [&] {
               std::iota(rows_to_learn.begin(), rows_to_learn.end(), 0u);
               std::iota(rows_to_validate.begin(), rows_to_validate.end(),
                         static_cast<data::RowIndex>(rows));
               return train::standardisation_of(samples, rows_to_learn, {1, 28, 28});
             }()} {
    training.epochs = 2;
    training.batch_size = 64;
    training.lr = 0.05;
  }

  /// Trains from the beginning, or from a state; `stop_after` updates at most.
  train::TrainingState train(comm::Communicator const& comm, train::StrategyOptions const& options,
                             train::TrainingState const* from = nullptr,
                             std::int64_t stop_after = 1 << 20,
                             train::FitOptions const& fit_options = {}) const {
    train::ShardPlan const plan{std::ssize(rows_to_learn), training.batch_size};
    train::Trace trace;
    train::Assignment const assignment{comm, network, feed, plan, training, options, trace};
    train::NetworkFit fit{assignment, rows_to_learn, rows_to_validate, Key{3}, fit_options};
    auto const start = from ? *from : train::fresh_state(network, plan, Key{3});
    fit.start(start);
    train::FitHooks hooks;
    hooks.interrupted = [&] { return fit.step() >= stop_after; };
    fit.run(hooks);
    return fit.state();
  }

  data::Samples samples;
  nn::Network network;
  data::Rows rows_to_learn;
  data::Rows rows_to_validate;
  train::Feed feed;
  nn::TrainingOptions training;
};

}  // namespace canopy::test
