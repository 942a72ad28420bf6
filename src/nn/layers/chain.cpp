#include "canopy/core/error.hpp"
#include "canopy/nn/layer_kinds.hpp"

#include "layers/step.hpp"

namespace canopy::nn {

std::size_t OwnTensor::size() const {
  std::size_t product = 1;
  for (auto const length : shape) product *= static_cast<std::size_t>(length);
  return product;
}

std::vector<std::unique_ptr<Step>> make_chain(std::vector<LayerSpec> const& layers, Shape in) {
  std::vector<std::unique_ptr<Step>> steps;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!steps.empty() && steps.back()->absorb(layers[i])) continue;
    auto const shape = steps.empty() ? in : steps.back()->out();
    try {
      steps.push_back(layer_kind(layers[i].kind).make(layers[i], shape));
    } catch (UserError const& e) {
      throw UserError{"layer " + std::to_string(i + 1) + " (" + describe(layers[i]) +
                      ") cannot take " + shape.text() + ", which " +
                      (i == 0 ? "is the input" : "layer " + std::to_string(i) + " gives") + ": " +
                      e.what()};
    }
    steps.back()->set_index(static_cast<int>(i));
  }
  return steps;
}

}  // namespace canopy::nn
