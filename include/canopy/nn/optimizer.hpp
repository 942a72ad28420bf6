#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/aligned.hpp"
#include "canopy/core/array.hpp"
#include "canopy/core/registry.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/training_options.hpp"

namespace canopy::nn {

/// One update of the arena.
struct StepInfo {
  std::int64_t number = 1;  ///< counts from 1: Adam's bias correction needs it
  double lr = 0;
  double scale = 1;    ///< of the gradient: 1 / rows of the global batch
  double average = 1;  ///< of the batch statistics in the buffers' gradient: 1 / micro-batches
};

/// Turns a summed gradient into an update, by PyTorch's definitions. Holds the state (momentum)
/// of one range of the arena: all of it, or a rank's share of it (ZeRO-1), or a stage's layers.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Updates elements `range`, inside owned(): trainable parameters by the rule of the optimizer,
  /// running statistics by running = (1 - m) * running + m * average * gradient with m = 0.1.
  /// `parameters` and `gradients` are whole arenas. Unless element_wise(), `range` must not cut a
  /// tensor in two. Each element is updated once per step number.
  void step(Range range, std::span<float> parameters, std::span<float const> gradients,
            StepInfo const& info);

  /// Whether an element's update depends on that element only, so that ranges may be cut anywhere.
  /// LARS and LAMB need whole tensors.
  virtual bool element_wise() const { return true; }

  Range owned() const { return owned_; }
  std::vector<std::string> state_names() const { return names_; }  ///< PyTorch's: "momentum_buffer"
  std::span<float> state(std::string const& name);  ///< owned().size() numbers
  /// The state arrays by name; those of an arena do not depend on who owned which part.
  NamedArrays to_arrays() const;
  /// DataError when names or sizes differ.
  void from_arrays(NamedArrays const& arrays);

 protected:
  Optimizer(Network const& network, Range owned, std::vector<std::string> state_names);
  Optimizer(Optimizer const&) = delete;
  Optimizer& operator=(Optimizer const&) = delete;

  /// What an update works on: `count` neighbouring elements.
  struct Elements {
    std::size_t count;
    float* parameters;
    float const* gradients;
    float* first;  ///< state arrays; null when there are fewer
    float* second;
    bool is_vector;  ///< whether they belong to a bias or to batch norm, for optimizers by tensors
  };
  /// For element-wise optimizers any piece of the trainable part, for others a whole tensor.
  virtual void update(Elements const& elements, StepInfo const& info) = 0;

 private:
  void update_range(Range range, std::span<float> parameters, std::span<float const> gradients,
                    StepInfo const& info, bool is_vector);

  Network const* network_;
  Range owned_;
  std::vector<std::string> names_;
  std::vector<AlignedArray<float>> states_;
};

/// sgd, adam, adamw, lars, lamb.
Registry<Optimizer, Network const&, Range, TrainingOptions const&> const& optimizers();

/// The optimizer that the options name, for a range of the network's arena. The network must
/// outlive it.
std::unique_ptr<Optimizer> make_optimizer(TrainingOptions const& options, Network const& network,
                                          Range owned);

/// Cuts the arena into `parts` nearly equal ranges, ascending; between tensors unless the optimizer
/// is element-wise (some may then be empty).
std::vector<Range> cut_arena(Network const& network, int parts, bool element_wise);

}  // namespace canopy::nn
