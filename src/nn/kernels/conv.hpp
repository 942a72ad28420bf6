#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/lanes.hpp"
#include "kernels/look.hpp"

/// Convolutions on activations [block][channel][row][column][16 samples]. A vector holds one pixel
/// of 16 samples, so kernels of any size and any number of channels fill it, and no im2col is
/// needed.
namespace canopy::nn::conv {

/// Numbers of one layer. Weights are [in channel][kernel row][kernel column][out channel].
struct Sizes {
  int in_channels;
  int in_height;  ///< without padding, as in_width
  int in_width;
  int out_channels;
  int kernel;
  int stride;
  int padding;  ///< below kernel
  int pool;     ///< max pooling of windows pool x pool follows (1: none); the rest is cut off

  int taps() const { return in_channels * kernel * kernel; }
  int padded_height() const { return in_height + 2 * padding; }
  int padded_width() const { return in_width + 2 * padding; }
  int conv_height() const { return (padded_height() - kernel) / stride + 1; }
  int conv_width() const { return (padded_width() - kernel) / stride + 1; }
  int out_height() const { return conv_height() / pool; }
  int out_width() const { return conv_width() / pool; }
  /// The plane of the convolution's gradient: dilated by the stride and padded with zeros, so that
  /// the gradient of the input is a convolution of it with stride 1.
  int spread_height() const { return in_height + kernel - 1; }
  int spread_width() const { return in_width + kernel - 1; }
  int spread_origin() const { return kernel - 1 - padding; }

  std::size_t padded_size() const { return plane(in_channels, padded_height(), padded_width()); }
  std::size_t out_size() const { return plane(out_channels, out_height(), out_width()); }
  std::size_t spread_size() const { return plane(out_channels, spread_height(), spread_width()); }

 private:
  static std::size_t plane(int channels, int height, int width) {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) *
           static_cast<std::size_t>(width) * block;
  }
};

/// The tables of offsets that the tiles follow, made once: numbers from a pixel's first one on.
struct Taps {
  explicit Taps(Sizes sizes);
  std::vector<std::int32_t> forward;  ///< by k: in the padded input
  std::vector<std::int32_t> back;  ///< by (kernel row, out channel, kernel column): in the spread
};

/// Copies the input of one block into a plane with a border of zeros, which stands there already.
template <class T>
void pad(Sizes sizes, T const* x, T* padded);

/// One block: y = relu(max of a window of (w * x + bias)); `x` is padded. `which`: for pool > 1,
/// the place of the largest in its window for each output, out_size() bytes; the first of equals.
template <class T>
void forward(Sizes sizes, Taps const& taps, T const* weights, T const* bias, T const* x, T* y,
             std::uint8_t* which, bool relu, Look& look);

/// One block: puts the gradient of y, where y is positive if `relu`, to the places of `spread`
/// (whose other places are zero and stay so) where it belongs.
template <class T>
void spread_gradient(Sizes sizes, T const* y, T const* dy, std::uint8_t const* which, bool relu,
                     T* spread);

/// The weights in the order in which backward_input reads them: [kernel row][out channel]
/// [kernel column][in channel], rows and columns turned round. taps() x out_channels numbers.
template <class T>
void turn_weights(Sizes sizes, T const* weights, T* turned);

/// One block: dx (without padding) from the spread gradient.
template <class T>
void backward_input(Sizes sizes, Taps const& taps, T const* turned, T const* spread, T* dx,
                    Look& look);

/// The blocks of an activation: where the first one starts and how far apart they are.
template <class T>
struct Blocks {
  T const* first;
  std::size_t pitch;
  T const* at(int number) const { return first + static_cast<std::size_t>(number) * pitch; }
};

/// dw and db, summed over pixels and over `blocks` blocks; written, or added to what is there once
/// complete when `add`.
template <class T>
void backward_parameters(Sizes sizes, Taps const& taps, int blocks, Blocks<T> padded,
                         Blocks<T> spread, T* dw, T* db, bool add, Look& look);

}  // namespace canopy::nn::conv
