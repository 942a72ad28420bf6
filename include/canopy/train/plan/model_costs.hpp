#pragma once

#include <memory>
#include <string>
#include <vector>

#include "canopy/nn/network.hpp"
#include "canopy/train/pipeline/check.hpp"
#include "canopy/train/pipeline/partition.hpp"
#include "canopy/train/plan/line.hpp"

namespace canopy::train {

/// Seconds of one layer on a rank; amounts are rows of a micro-batch.
struct LayerLines {
  Line forward;
  Line backward;  ///< with respect to the layer's input; zeros for the first one
  Line weights;
};

/// What a network costs on one rank.
struct ModelCosts {
  std::shared_ptr<nn::Network const> network;
  std::vector<LayerLines> layers;   ///< depth() of them
  Line input;                       ///< fetching rows
  Line loss;                        ///< and its gradient
  double update_per_parameter = 0;  ///< the optimizer's seconds
  int optimizer_states = 1;         ///< numbers it keeps for each parameter
  /// What an update takes on several ranks beyond all that: waiting for whoever is late, being
  /// woken.
  double meeting = 0;

  /// Of one micro-batch. Passes work in blocks of nn::Network::lanes rows: a part of one costs as
  /// much as all of it.
  std::vector<StageTimes> layer_seconds(int rows) const;
  double input_seconds(int rows) const { return input.seconds(rows); }
  double loss_seconds(int rows) const;
  /// Forward, loss and backward of one micro-batch, rows fetched.
  double pass_seconds(int rows) const;
  double update_seconds(LayerBlock layers) const;

  double parameter_bytes(LayerBlock layers) const;
  /// Of the activations of one micro-batch in these layers, and of their gradients.
  double pass_bytes(LayerBlock layers, int rows) const;
  LayerBlock all_layers() const { return {0, network->depth()}; }
};

}  // namespace canopy::train
