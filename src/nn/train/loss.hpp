#pragma once

#include <cstdint>
#include <span>

#include "canopy/nn/pass.hpp"

namespace canopy::nn {

/// Softmax cross-entropy of `logits`, [block][class][16], with label smoothing s: the target is
/// (1-s) + s/C for the label and s/C for the others. Puts the gradient of the sum into `gradient`
/// (lanes without a row: 0) unless it is null.
template <class T>
Loss cross_entropy(int classes, T const* logits, std::span<std::uint16_t const> labels,
                   double smoothing, T* gradient);

/// probabilities: rows x classes, row-major.
template <class T>
void softmax(int classes, int rows, T const* logits, T* probabilities);

}  // namespace canopy::nn
