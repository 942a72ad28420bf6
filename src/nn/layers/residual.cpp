#include <algorithm>

#include "canopy/core/error.hpp"

#include "layers/step.hpp"

namespace canopy::nn {
namespace {

/// y = x + body(x) (He et al. 2016).
class Residual : public StepOf<Residual> {
 public:
  Residual(Shape shape, std::vector<std::unique_ptr<Step>> body)
      : StepOf{shape, shape}, body_{std::move(body)} {}

  std::vector<Step*> body() override {
    std::vector<Step*> steps;
    for (auto const& step : body_) steps.push_back(step.get());
    return steps;
  }
  Network::Flops flops() const override {
    auto const size = 1.0 * in_.size();
    Network::Flops sum{size, size, 0};
    for (auto const& step : body_) {
      auto const one = step->flops();
      sum.forward += one.forward;
      sum.backward_input += one.backward_input;
      sum.backward_parameters += one.backward_parameters;
    }
    return sum;
  }
  std::size_t kept(int blocks) const override { return offset(body_.size(), blocks); }
  std::size_t scratch(int blocks) const override {
    std::size_t most = 0;
    for (auto const& step : body_) most = std::max(most, step->scratch(blocks));
    return most;
  }

  template <class T>
  void run(Work<T> const& w) const {
    for (std::size_t i = 0; i < body_.size(); ++i) body_[i]->forward(of_body(w, i));
    sum(w, w.in, of_body(w, body_.size() - 1).out, w.out);
  }
  /// All gradients within the body: its layers' parameters need them, whoever asks first.
  template <class T>
  void prepare(Work<T> const& w) const {
    std::copy_n(w.d_out, cut_numbers(out_, w.blocks()), of_body(w, body_.size() - 1).d_out);
    for (auto i = body_.size(); i-- > 0;) {
      body_[i]->prepare_backward(of_body(w, i));
      body_[i]->backward_input(of_body(w, i));
    }
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    sum(w, w.d_out, of_body(w, 0).d_in, w.d_in);
  }
  template <class T>
  void parameter_gradient(Work<T> const& w) const {
    for (std::size_t i = 0; i < body_.size(); ++i) body_[i]->backward_parameters(of_body(w, i));
  }

 private:
  /// Kept: the gradient of x through the body, and then for each layer of the body what it keeps,
  /// its output, and the gradient of that. Places do not move with the number of rows.
  std::size_t offset(std::size_t layer, int blocks) const {
    auto total = cut_numbers(in_, blocks);
    for (std::size_t i = 0; i < layer; ++i)
      total += whole_blocks(body_[i]->kept(blocks)) + 2 * cut_numbers(body_[i]->out(), blocks);
    return total;
  }
  template <class T>
  Work<T> of_body(Work<T> const& w, std::size_t i) const {
    auto const output = [&](std::size_t layer) {
      return w.kept + offset(layer, w.most_blocks) +
             whole_blocks(body_[layer]->kept(w.most_blocks));
    };
    auto const gradient_of = [&](std::size_t layer) {
      return output(layer) + cut_numbers(body_[layer]->out(), w.most_blocks);
    };
    auto inner = w;
    inner.kept = w.kept + offset(i, w.most_blocks);
    inner.in = i == 0 ? w.in : output(i - 1);
    inner.d_in = i == 0 ? w.kept : gradient_of(i - 1);
    inner.out = output(i);
    inner.d_out = gradient_of(i);
    return inner;
  }
  template <class T>
  void sum(Work<T> const& w, T const* a, T const* b, T* to) const {
    auto const numbers = cut_numbers(in_, w.blocks());
    for (std::size_t i = 0; i < numbers; ++i) to[i] = a[i] + b[i];
  }

  std::vector<std::unique_ptr<Step>> body_;
};

}  // namespace

std::unique_ptr<Step> make_residual(LayerSpec const& spec, Shape in) {
  if (spec.body.empty()) throw UserError{"expected at least one layer in it"};
  auto body = make_chain(spec.body, in);
  if (body.back()->out() != in)
    throw UserError{"its layers give " + body.back()->out().text() +
                    ", expected the same as it takes, " + in.text()};
  return std::make_unique<Residual>(in, std::move(body));
}

}  // namespace canopy::nn
