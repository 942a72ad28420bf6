#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "canopy/nn/architecture.hpp"

namespace canopy::nn {

class Step;

/// A number that a kind of layer is told by.
struct LayerNumber {
  std::string name;
  std::optional<double> initial;  ///< none: must be given
  double least;
  double most;  ///< this one excluded when `whole` is false
  bool whole = true;
};

/// A kind of layer: its name, its numbers (the first one may be given beside the name in TOML), and
/// how it computes.
struct LayerKind {
  std::string name;
  std::string summary;
  std::vector<LayerNumber> numbers;
  /// Throws UserError saying what the layer wants when it cannot take `input`.
  std::function<std::unique_ptr<Step>(LayerSpec const&, Shape input)> make;

  bool has_body() const { return name == "residual"; }
};

/// dense, conv2d, max_pool, avg_pool, relu, tanh, gelu, dropout, batch_norm, residual.
std::vector<LayerKind> const& layer_kinds();

/// UserError with the nearest known one for an unknown name.
LayerKind const& layer_kind(std::string_view name);

/// A layer with the given numbers and the others as they are by default. UserError when a number
/// is unknown, missing or out of range.
LayerSpec layer(std::string_view kind,
                std::vector<std::pair<std::string, double>> const& numbers = {},
                std::vector<LayerSpec> body = {});

/// What the layer gives for one sample of shape `input`; UserError as LayerKind::make.
Shape output_shape(LayerSpec const& spec, Shape input);

/// "conv2d 32, kernel 3": numbers that are as by default are left out.
std::string describe(LayerSpec const& spec);

}  // namespace canopy::nn
