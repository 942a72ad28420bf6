#pragma once

#include "kernels/lanes.hpp"
#include "kernels/look.hpp"

namespace canopy::nn::dense {

/// Sizes of a dense layer on `blocks` blocks of 16 samples. Activations are [block][feature][16],
/// weights [in][out].
struct Sizes {
  int in;
  int out;
  int blocks;
};

/// y = w^T x + bias, and relu of it when `relu`.
template <class T>
void forward(Sizes sizes, T const* weights, T const* bias, T const* x, T* y, bool relu, Look& look);

/// dx = w dy.
template <class T>
void backward_input(Sizes sizes, T const* weights, T const* dy, T* dx, Look& look);

/// Numbers of scratch that backward_parameters needs.
std::size_t scratch_size(Sizes sizes);

/// dw = x dy^T and db = row sums of dy, summed over the first `rows` samples one by one; written,
/// or added to what is there once complete when `add`.
template <class T>
void backward_parameters(Sizes sizes, int rows, T const* x, T const* dy, T* dw, T* db, bool add,
                         T* scratch, Look& look);

}  // namespace canopy::nn::dense
