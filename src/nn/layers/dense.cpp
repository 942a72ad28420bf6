#include "kernels/dense.hpp"

#include "layers/step.hpp"

namespace canopy::nn {
namespace {

/// y = x w + b, with relu if one follows; takes any shape as one row.
class Dense : public StepOf<Dense> {
 public:
  Dense(Shape in, int units) : StepOf{in, {units, 1, 1}} {}

  std::vector<OwnTensor> tensors() const override {
    auto const fan_in = in_.size();
    return {{"weight", {fan_in, out_.channels}, fan_in}, {"bias", {out_.channels}, fan_in}};
  }
  bool absorb(LayerSpec const& next) override {
    if (relu_ || next.kind != "relu") return false;
    return relu_ = true;
  }
  Network::Flops flops() const override {
    auto const products = 2.0 * in_.size() * out_.size();
    return {products, products, products};
  }
  std::size_t scratch(int blocks) const override { return dense::scratch_size(sizes(blocks)); }

  template <class T>
  void run(Work<T> const& w) const {
    dense::forward(sizes(w.blocks()), tensor(w, 0), tensor(w, 1), w.in, w.out, relu_, w.look);
  }
  template <class T>
  void prepare(Work<T> const& w) const {
    if (!relu_) return;
    auto const numbers = cut_numbers(out_, w.blocks());
    for (std::size_t i = 0; i < numbers; ++i) w.d_out[i] = w.out[i] > 0 ? w.d_out[i] : T{0};
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    dense::backward_input(sizes(w.blocks()), tensor(w, 0), w.d_out, w.d_in, w.look);
  }
  template <class T>
  void parameter_gradient(Work<T> const& w) const {
    dense::backward_parameters(sizes(w.blocks()), w.rows(), w.in, w.d_out, gradient(w, 0),
                               gradient(w, 1), w.add, w.scratch, w.look);
  }

 private:
  dense::Sizes sizes(int blocks) const { return {in_.size(), out_.size(), blocks}; }
  bool relu_ = false;
};

}  // namespace

std::unique_ptr<Step> make_dense(LayerSpec const& spec, Shape in) {
  return std::make_unique<Dense>(in, static_cast<int>(spec.number("units")));
}

}  // namespace canopy::nn
