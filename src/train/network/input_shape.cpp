#include "canopy/train/network/input_shape.hpp"

namespace canopy::train {
namespace {

/// Layers that need an image, by name or in a list.
bool wants_image(std::string const& model, std::string const& layers) {
  return model == "lenet" || model == "cnn" || layers.find("conv2d") != std::string::npos ||
         layers.find("_pool") != std::string::npos;
}

}  // namespace

nn::Shape input_shape(data::Samples const& samples, std::string const& model,
                      std::string const& layers) {
  if (!samples.is_image() && wants_image(model, layers)) return nn::image_shape(samples.columns());
  auto const [channels, height, width] = samples.shape();
  return {channels, height, width};
}

}  // namespace canopy::train
