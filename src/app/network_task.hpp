#pragma once

#include <optional>
#include <string>

#include "canopy/app/train.hpp"
#include "canopy/data/samples.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/standardisation.hpp"
#include "canopy/train/network/feed.hpp"
#include "canopy/train/shard_plan.hpp"

#include "run_parts.hpp"
#include "run_tables.hpp"

namespace canopy::app {

/// Which rows do what.
struct NetworkRows {
  data::Rows learn;
  data::Rows validate;  ///< set aside by --validation-split
  data::Rows unseen;    ///< held out by --test-size, or else the test set of the data
  bool is_held_out = false;

  char const* unseen_name() const { return is_held_out ? "hold-out" : "test set"; }
};

/// Everything that is known before the first update, the same on every rank.
struct NetworkTask {
  data::Samples samples;
  NetworkRows rows;
  nn::Network network;
  nn::Standardisation standardisation;
  train::Feed feed;
  train::ShardPlan plan;
};

/// How rows are to be divided.
struct RowShares {
  std::optional<double> test_size;  ///< None: 0.2, or 0 for data that come with a test set
  double validation_split = 0;
  std::uint64_t seed = 0;
};

/// The rows that a run on such samples uses, which `data` names. DataError when none is left to
/// learn from.
NetworkRows divide_rows(RowShares const& shares, std::string const& data,
                        data::Samples const& samples);

/// The network that --model names, for such samples. `layers` is the text of --model FILE.toml.
/// UserError or DataError when it cannot take them.
nn::Network make_network(std::string const& model, std::string const& layers,
                         data::Samples const& samples);

/// Collective. The text of --model FILE.toml, which the root reads; empty for other models.
std::string share_layers(comm::Communicator const& comm, std::string const& model);
/// Collective. The network that --model names, a layer list read by the root, on every rank.
nn::Network share_network(comm::Communicator const& comm, std::string const& model,
                          data::Samples const& samples);
/// Collective. From the root's rows to learn from.
nn::Standardisation share_standardisation(comm::Communicator const& comm,
                                          data::Samples const& samples, data::Rows const& learn,
                                          nn::Shape shape);

/// How good predictions of the unseen rows are; `probabilities`: rows x classes.
Evaluation evaluate_unseen(Eigen::MatrixXd const& probabilities, NetworkRows const& rows,
                           train::Feed const& feed, std::string const& scoring);

/// Collective.
NetworkTask make_task(comm::Communicator const& comm, TrainSettings const& settings,
                      SharedSamples const& data);

}  // namespace canopy::app
