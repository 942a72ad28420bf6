#pragma once

#include <memory>
#include <optional>
#include <string>

#include "canopy/nn/model.hpp"
#include "canopy/nn/training_options.hpp"
#include "canopy/tune/learner.hpp"

namespace canopy::tune {

/// What a search may vary of a network: its hidden layers, and how it is trained, by default as
/// `canopy train` does.
struct NetworkParameters {
  /// UserError when no network is called so.
  explicit NetworkParameters(std::string model);

  std::string model;
  std::string hidden;             ///< widths of an mlp: "64-32"
  std::optional<double> dropout;  ///< None: as the model has it
  std::optional<double> lr;       ///< None: by the optimizer
  nn::TrainingOptions training;   ///< but for lr

  /// The rows that this model has a use for.
  void describe(Options& options);
  nn::TrainingOptions training_options() const;
  /// For such samples, which have `layers` when the model is a file; UserError when it cannot take
  /// them.
  nn::Architecture architecture(LearnerData const& data) const;
};

/// The network that a configuration describes; UserError names what is wrong with it.
NetworkParameters network_parameters(std::string const& model, Configuration const& configuration);

std::unique_ptr<Learner> make_network_learner(std::string const& model, LearnerData const& data);

/// Collective over the team. The network of a configuration, fitted to rows: the one that `canopy
/// train` makes of the same rows and parameters with this key; nothing on ranks that the batch is
/// too small for. Throws Stopped.
std::optional<nn::Model> fit_network(std::string const& model, LearnerData const& data,
                                     Configuration const& configuration, data::Rows const& rows,
                                     Key key, StopToken const& stop);

}  // namespace canopy::tune
