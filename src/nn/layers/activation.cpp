#include <cmath>
#include <numbers>

#include "layers/step.hpp"

namespace canopy::nn {
namespace {

/// A function of each number alone. `Function` gives value(x) and slope(x, y).
template <class Function>
class Activation : public StepOf<Activation<Function>> {
 public:
  explicit Activation(Shape shape) : StepOf<Activation<Function>>{shape, shape} {}

  Network::Flops flops() const override {
    auto const size = 1.0 * this->in_.size();
    return {size, size, 0};
  }
  template <class T>
  void run(Work<T> const& w) const {
    auto const numbers = cut_numbers(this->in_, w.blocks());
    for (std::size_t i = 0; i < numbers; ++i) w.out[i] = Function::value(w.in[i]);
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    auto const numbers = cut_numbers(this->in_, w.blocks());
    for (std::size_t i = 0; i < numbers; ++i)
      w.d_in[i] = Function::slope(w.in[i], w.out[i]) * w.d_out[i];
  }
};

struct Relu {
  template <class T>
  static T value(T x) {
    return x < 0 ? T{0} : x;  // NaN stays
  }
  template <class T>
  static T slope(T, T y) {
    return y > 0 ? T{1} : T{0};
  }
};

struct Tanh {
  template <class T>
  static T value(T x) {
    return std::tanh(x);
  }
  template <class T>
  static T slope(T, T y) {
    return 1 - y * y;
  }
};

/// x Phi(x), exact (Hendrycks & Gimpel 2016): PyTorch's default.
struct Gelu {
  template <class T>
  static T phi(T x) {
    return (1 + std::erf(x / std::numbers::sqrt2_v<T>)) / 2;
  }
  template <class T>
  static T value(T x) {
    return x * phi(x);
  }
  template <class T>
  static T slope(T x, T) {
    auto const density =
        std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
    return phi(x) + x * density;
  }
};

}  // namespace

std::unique_ptr<Step> make_relu(LayerSpec const&, Shape in) {
  return std::make_unique<Activation<Relu>>(in);
}
std::unique_ptr<Step> make_tanh(LayerSpec const&, Shape in) {
  return std::make_unique<Activation<Tanh>>(in);
}
std::unique_ptr<Step> make_gelu(LayerSpec const&, Shape in) {
  return std::make_unique<Activation<Gelu>>(in);
}

}  // namespace canopy::nn
