#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/nn/architecture.hpp"

namespace canopy::nn {

/// Elements [begin, end) of an arena.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
  friend bool operator==(Range const&, Range const&) = default;
};

/// One parameter or buffer in the arena: "1.weight" {25, 6}.
struct Tensor {
  std::string name;  ///< number of the layer (from 1), a dot, what it is there
  int layer;
  Range range;
  std::vector<std::int64_t> shape;
};

class Step;  // one layer with the activation fused into it: src/nn/layers/step.hpp

/// An architecture made ready to compute: its layers, what each takes and gives, and the places of
/// all parameters in one flat arena
///     [ trainable parameters, layer after layer | buffers (running statistics), layer after layer
///     ]
/// Gradients live in an arena of the same layout. The network itself holds no numbers.
///
/// A relu that follows a dense or convolution layer is fused into it, and so is max pooling behind
/// a convolution; so there may be fewer layers here than in the architecture. Layers are numbered
/// from 0; cut l is what goes from layer l-1 to layer l: cut 0 is the input, cut depth() the
/// logits.
///
/// Weights of dense layers are stored [in][out], those of convolutions
/// [in channel][kernel row][kernel column][out channel].
class Network {
 public:
  /// UserError when a layer cannot take what the one before gives, or the last does not give one
  /// number per class; names the layer and both shapes.
  explicit Network(Architecture architecture);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  Architecture const& architecture() const { return architecture_; }
  int depth() const { return static_cast<int>(steps_.size()); }
  int classes() const { return architecture_.classes; }

  std::size_t parameters() const { return parameters_; }  ///< trainable numbers
  std::size_t buffers() const { return buffers_; }        ///< running statistics
  std::size_t arena_size() const { return parameters_ + buffers_; }

  std::string layer_name(int layer) const;  ///< "conv2d 32, kernel 3 + relu"
  Shape shape(int cut) const;               ///< of one sample, cut 0 .. depth()
  Range range(int layer) const;             ///< trainable parameters of the layer; may be empty
  Range buffer_range(int layer) const;
  Range range(int first, int last) const;  ///< of layers first .. last-1 together
  Range buffer_range(int first, int last) const;
  std::vector<Tensor> const& tensors() const { return tensors_; }  ///< in the order of the arena

  /// Numbers that hold one micro-batch at a cut: what a pipeline sends. Samples stand in blocks of
  /// `lanes`, [block][feature][lane]; the lanes of the last block that hold no sample are there
  /// too.
  std::size_t cut_size(int cut, int rows) const;
  static constexpr int lanes = 16;

  /// Floating-point operations per sample (a multiply-add is two): forward, and backward with
  /// respect to the input and to the parameters.
  struct Flops {
    double forward = 0;
    double backward_input = 0;
    double backward_parameters = 0;
    double training() const { return forward + backward_input + backward_parameters; }
  };
  Flops flops(int layer) const;

  /// Writes PyTorch's default initialisation: weight and bias uniform in +-1/sqrt(fan in)
  /// (Kaiming with a = sqrt 5), batch norm 1 and 0, running mean 0 and variance 1. Keyed by layer
  /// and tensor. `arena` has arena_size() elements.
  template <class T>
  void initialise(Key key, std::span<T> arena) const;

  Step const& step(int layer) const { return *steps_[static_cast<std::size_t>(layer)]; }

 private:
  void place_tensors();

  Architecture architecture_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Shape> shapes_;  ///< by cut
  std::vector<Range> ranges_;
  std::vector<Range> buffer_ranges_;
  std::vector<Tensor> tensors_;
  std::size_t parameters_ = 0;
  std::size_t buffers_ = 0;
};

/// SHA-256 (hex) over the trainable parameters and then the buffers, as float in little-endian
/// order: equal bits, equal hash.
std::string sha256(std::span<float const> arena);

}  // namespace canopy::nn
