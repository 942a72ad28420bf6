#pragma once

#include <string>
#include <string_view>

namespace canopy::nn {

/// The learning rate of an optimizer when none is given: what learns well on MNIST with batches of
/// 64 and half a cosine. UserError when there is no such optimizer.
double usual_lr(std::string_view optimizer);
/// "0.05 for sgd, 0.001 for adam, ..."
std::string usual_lr_text();

}  // namespace canopy::nn
