#include <algorithm>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

#include "kernels/conv.hpp"
#include "layers/step.hpp"

namespace canopy::nn {
namespace {

constexpr std::size_t most_numbers = 0x7fff'ffff;  // offsets within a block have 32 bits

/// Cross-correlation with bias (PyTorch's Conv2d), then relu and max pooling if they follow.
class Conv2d : public StepOf<Conv2d> {
 public:
  Conv2d(Shape in, conv::Sizes sizes)
      : StepOf{in, {sizes.out_channels, sizes.out_height(), sizes.out_width()}},
        sizes_{sizes},
        taps_{sizes} {}

  std::vector<OwnTensor> tensors() const override {
    auto const fan_in = sizes_.taps();
    return {
        {"weight", {sizes_.in_channels, sizes_.kernel, sizes_.kernel, sizes_.out_channels}, fan_in},
        {"bias", {sizes_.out_channels}, fan_in}};
  }
  bool absorb(LayerSpec const& next) override {
    if (sizes_.pool > 1) return false;
    if (next.kind == "relu" && !relu_) return relu_ = true;
    if (next.kind != "max_pool") return false;
    auto const window = static_cast<int>(next.number("kernel"));
    auto const stride = static_cast<int>(next.number("stride"));
    if (window < 2 || window > most_pool || (stride != 0 && stride != window)) return false;
    sizes_.pool = window;
    out_ = {sizes_.out_channels, sizes_.out_height(), sizes_.out_width()};
    return true;
  }
  Network::Flops flops() const override {
    auto const products =
        2.0 * sizes_.taps() * sizes_.out_channels * sizes_.conv_height() * sizes_.conv_width();
    return {products, products, products};
  }

  std::size_t kept(int blocks) const override {
    return static_cast<std::size_t>(blocks) * kept_of_block();
  }
  std::size_t scratch(int) const override {
    return static_cast<std::size_t>(sizes_.taps()) * static_cast<std::size_t>(sizes_.out_channels);
  }

  template <class T>
  void run(Work<T> const& w) const {
    for (int b = 0; b < w.blocks(); ++b) {
      if (sizes_.padding > 0) conv::pad(sizes_, part(w.in, b, cut_numbers(in_, 1)), padded(w, b));
      conv::forward(sizes_, taps_, tensor(w, 0), tensor(w, 1), input(w).at(b),
                    part(w.out, b, sizes_.out_size()), largest(w, b), relu_, w.look);
    }
  }
  template <class T>
  void prepare(Work<T> const& w) const {
    for (int b = 0; b < w.blocks(); ++b)
      conv::spread_gradient(sizes_, part(w.out, b, sizes_.out_size()),
                            part(w.d_out, b, sizes_.out_size()), largest(w, b), relu_,
                            spread(w, b));
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    conv::turn_weights(sizes_, tensor(w, 0), w.scratch);
    for (int b = 0; b < w.blocks(); ++b)
      conv::backward_input(sizes_, taps_, w.scratch, spread(w, b),
                           part(w.d_in, b, cut_numbers(in_, 1)), w.look);
  }
  template <class T>
  void parameter_gradient(Work<T> const& w) const {
    conv::backward_parameters(sizes_, taps_, w.blocks(), input(w),
                              conv::Blocks<T>{spread(w, 0), kept_of_block()}, gradient(w, 0),
                              gradient(w, 1), w.add, w.look);
  }

 private:
  static constexpr int most_pool = 4;

  // Kept of each block: the padded input, the spread gradient, the places of the maxima.
  std::size_t padded_size() const { return sizes_.padding > 0 ? sizes_.padded_size() : 0; }
  std::size_t which_size() const {
    return sizes_.pool > 1 ? numbers_for_bytes(sizes_.out_size()) : 0;
  }
  std::size_t kept_of_block() const { return padded_size() + sizes_.spread_size() + which_size(); }

  template <class T>
  static T* part(T* all, int number, std::size_t size) {
    return all + static_cast<std::size_t>(number) * size;
  }
  template <class T>
  T* padded(Work<T> const& w, int number) const {
    return part(w.kept, number, kept_of_block());
  }
  template <class T>
  T* spread(Work<T> const& w, int number) const {
    return padded(w, number) + padded_size();
  }
  template <class T>
  std::uint8_t* largest(Work<T> const& w, int number) const {
    return reinterpret_cast<std::uint8_t*>(spread(w, number) + sizes_.spread_size());
  }
  template <class T>
  conv::Blocks<T> input(Work<T> const& w) const {
    if (sizes_.padding > 0) return {w.kept, kept_of_block()};
    return {w.in, cut_numbers(in_, 1)};
  }

  conv::Sizes sizes_;
  conv::Taps taps_;
  bool relu_ = false;
};

}  // namespace

std::unique_ptr<Step> make_conv2d(LayerSpec const& spec, Shape in) {
  auto const number = [&](char const* name) { return static_cast<int>(spec.number(name)); };
  conv::Sizes const sizes{in.channels,      in.height,        in.width,          number("channels"),
                          number("kernel"), number("stride"), number("padding"), 1};
  if (sizes.padding >= sizes.kernel)
    throw UserError{"padding is " + std::to_string(sizes.padding) + ", expected less than kernel " +
                    std::to_string(sizes.kernel)};
  auto const least = std::max(1, sizes.kernel - 2 * sizes.padding);
  if (in.height < least || in.width < least)
    throw UserError{"expected at least " + Shape{in.channels, least, least}.text()};
  if (std::max(sizes.padded_size(), sizes.spread_size()) > most_numbers)
    throw UserError{"expected fewer channels or pixels: a plane of 16 samples has more than " +
                    text::grouped(static_cast<std::int64_t>(most_numbers)) + " numbers"};
  return std::make_unique<Conv2d>(in, sizes);
}

}  // namespace canopy::nn
