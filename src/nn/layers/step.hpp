#pragma once

#include <memory>
#include <string>
#include <vector>

#include "canopy/nn/network.hpp"
#include "canopy/nn/pass.hpp"

#include "kernels/lanes.hpp"
#include "kernels/look.hpp"

namespace canopy::nn {

/// What one layer works on in one micro-batch. Activations are [block][feature][16 samples]; lanes
/// without a sample hold anything finite in activations and zero in gradients.
template <class T>
struct Work {
  MicroBatch const& batch;
  int most_blocks;  ///< that memory is planned for
  T const* arena;   ///< parameters and buffers
  T const* in;
  T* out;
  T* d_in;
  T* d_out;
  T* kept;                 ///< the layer's own from forward to backward; zero at first
  T* scratch;              ///< holds nothing between two calls
  Look& look;              ///< to be told of products
  T* gradients = nullptr;  ///< the arena of them, for backward_parameters
  bool add = false;        ///< to what is there

  int rows() const { return batch.rows; }
  int blocks() const { return (batch.rows + block - 1) / block; }
};

/// A tensor that a layer has: weight, bias, running statistic.
struct OwnTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  int fan_in = 0;  ///< uniform in +-1/sqrt(fan_in); 0: all `value`
  double value = 0;
  bool is_buffer = false;

  std::size_t size() const;
};

/// One layer of a network: what it computes and the memory it needs for that.
class Step {
 public:
  Step(Shape in, Shape out) : in_{in}, out_{out} {}
  virtual ~Step() = default;

  Shape in() const { return in_; }
  Shape out() const { return out_; }

  virtual std::vector<OwnTensor> tensors() const { return {}; }
  /// Takes over the layer that follows, if it can: its work becomes part of this one's.
  virtual bool absorb(LayerSpec const&) { return false; }
  virtual Network::Flops flops() const = 0;

  /// Numbers of memory for so many blocks of samples.
  virtual std::size_t kept(int /*blocks*/) const { return 0; }
  virtual std::size_t scratch(int /*blocks*/) const { return 0; }

  /// The layers within this one.
  virtual std::vector<Step*> body() { return {}; }

  /// Its place in the list of layers, from 0; what it has absorbed follows there.
  int index() const { return index_; }
  void set_index(int index) { index_ = index; }

  /// Places of tensors() in the arena, and the number that randomness is keyed by: given by the
  /// network.
  void place(std::vector<Range> places, std::uint64_t number) {
    places_ = std::move(places);
    number_ = number;
  }

  /// `prepare` runs once when the gradient of the output is there and before the two others, which
  /// run at most once each, in any order.
  virtual void forward(Work<float> const&) const = 0;
  virtual void forward(Work<double> const&) const = 0;
  virtual void prepare_backward(Work<float> const&) const = 0;
  virtual void prepare_backward(Work<double> const&) const = 0;
  virtual void backward_input(Work<float> const&) const = 0;
  virtual void backward_input(Work<double> const&) const = 0;
  virtual void backward_parameters(Work<float> const&) const = 0;
  virtual void backward_parameters(Work<double> const&) const = 0;

 protected:
  Range place(int tensor) const { return places_[static_cast<std::size_t>(tensor)]; }
  std::uint64_t number() const { return number_; }
  template <class T>
  T const* tensor(Work<T> const& work, int number) const {
    return work.arena + place(number).begin;
  }
  template <class T>
  T* gradient(Work<T> const& work, int number) const {
    return work.gradients + place(number).begin;
  }
  Shape in_;
  Shape out_;

 private:
  int index_ = 0;
  std::vector<Range> places_;
  std::uint64_t number_ = 0;
};

/// Lets a layer write each of the four once, for float and double: `run`, `prepare`,
/// `input_gradient`, `parameter_gradient`. The second and the last may be left out.
template <class Layer>
class StepOf : public Step {
 public:
  using Step::Step;
  void forward(Work<float> const& work) const final { self().run(work); }
  void forward(Work<double> const& work) const final { self().run(work); }
  void prepare_backward(Work<float> const& work) const final { self().prepare(work); }
  void prepare_backward(Work<double> const& work) const final { self().prepare(work); }
  void backward_input(Work<float> const& work) const final { self().input_gradient(work); }
  void backward_input(Work<double> const& work) const final { self().input_gradient(work); }
  void backward_parameters(Work<float> const& work) const final { self().parameter_gradient(work); }
  void backward_parameters(Work<double> const& work) const final {
    self().parameter_gradient(work);
  }

  template <class T>
  void prepare(Work<T> const&) const {}
  template <class T>
  void parameter_gradient(Work<T> const&) const {}

 private:
  Layer const& self() const { return static_cast<Layer const&>(*this); }
};

/// Memory is handed out in whole blocks, so that vectors do not straddle cache lines.
inline std::size_t whole_blocks(std::size_t numbers) {
  return (numbers + block - 1) / block * block;
}
/// Numbers of type T that hold so many bytes, whichever T it is.
inline std::size_t numbers_for_bytes(std::size_t bytes) {
  return whole_blocks(bytes / 4 + 1);
}

inline std::size_t cut_numbers(Shape shape, int blocks) {
  return static_cast<std::size_t>(shape.size()) * static_cast<std::size_t>(blocks) * block;
}

/// Layers one after the other, those fused that can be. UserError as Network's constructor.
std::vector<std::unique_ptr<Step>> make_chain(std::vector<LayerSpec> const& layers, Shape in);

// One function for each kind of layer; the table is in layers/table.cpp.
std::unique_ptr<Step> make_dense(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_conv2d(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_max_pool(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_avg_pool(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_relu(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_tanh(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_gelu(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_dropout(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_batch_norm(LayerSpec const& spec, Shape in);
std::unique_ptr<Step> make_residual(LayerSpec const& spec, Shape in);

}  // namespace canopy::nn
