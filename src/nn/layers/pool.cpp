#include <algorithm>

#include "canopy/core/error.hpp"

#include "layers/step.hpp"

namespace canopy::nn {
namespace {

/// Windows kernel x kernel every `stride` pixels, in each channel alone; what a last window would
/// reach beyond is left out, as PyTorch does.
struct Windows {
  Shape in;
  int kernel;
  int stride;

  Windows(LayerSpec const& spec, Shape shape)
      : in{shape},
        kernel{static_cast<int>(spec.number("kernel"))},
        stride{static_cast<int>(spec.number("stride"))} {
    if (stride == 0) stride = kernel;
    if (in.height < kernel || in.width < kernel)
      throw UserError{"expected at least " + Shape{in.channels, kernel, kernel}.text()};
  }
  Shape out() const {
    return {in.channels, (in.height - kernel) / stride + 1, (in.width - kernel) / stride + 1};
  }
  int size() const { return kernel * kernel; }

  /// visit(first, y): place of the window's first pixel among the input's pixels of all channels,
  /// and of its result among the output's.
  template <class Visit>
  void each(Visit visit) const {
    auto const to = out();
    std::size_t y = 0;
    for (int c = 0; c < to.channels; ++c)
      for (int row = 0; row < to.height; ++row)
        for (int column = 0; column < to.width; ++column)
          visit(
              static_cast<std::size_t>((c * in.height + row * stride) * in.width + column * stride),
              y++);
  }
  /// Distance of the window's pixel `j` from its first one.
  std::size_t pixel(int j) const {
    return static_cast<std::size_t>(j / kernel * in.width + j % kernel);
  }
};

class MaxPool : public StepOf<MaxPool> {
 public:
  explicit MaxPool(Windows windows) : StepOf{windows.in, windows.out()}, windows_{windows} {}

  Network::Flops flops() const override {
    return {1.0 * windows_.size() * out_.size(), 1.0 * out_.size(), 0};
  }
  /// A byte for each output: which of the window's pixels was the largest.
  std::size_t kept(int blocks) const override {
    return numbers_for_bytes(cut_numbers(out_, blocks));
  }

  template <class T>
  void run(Work<T> const& w) const {
    auto* which = reinterpret_cast<std::uint8_t*>(w.kept);
    for (int b = 0; b < w.blocks(); ++b) {
      auto const* in = w.in + cut_numbers(in_, b);
      auto const to = cut_numbers(out_, b);
      windows_.each([&](std::size_t first, std::size_t y) {
        largest(in + first * block, w.out + to + y * block, which + to + y * block);
      });
    }
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    std::fill_n(w.d_in, cut_numbers(in_, w.blocks()), T{0});
    auto const* which = reinterpret_cast<std::uint8_t const*>(w.kept);
    for (int b = 0; b < w.blocks(); ++b) {
      auto* d_in = w.d_in + cut_numbers(in_, b);
      auto const from = cut_numbers(out_, b);
      windows_.each([&](std::size_t first, std::size_t y) {
        for (std::size_t i = 0; i < block; ++i) {
          auto const at = from + y * block + i;
          d_in[(first + windows_.pixel(which[at])) * block + i] += w.d_out[at];
        }
      });
    }
  }

 private:
  template <class T>
  void largest(T const* in, T* out, std::uint8_t* which) const {
    std::copy_n(in, block, out);
    std::fill_n(which, block, std::uint8_t{0});
    for (int j = 1; j < windows_.size(); ++j) {
      auto const* values = in + windows_.pixel(j) * block;
      for (int i = 0; i < block; ++i) {
        auto const more = values[i] > out[i];
        which[i] = more ? static_cast<std::uint8_t>(j) : which[i];
        out[i] = more ? values[i] : out[i];
      }
    }
  }
  Windows windows_;
};

class AvgPool : public StepOf<AvgPool> {
 public:
  explicit AvgPool(Windows windows) : StepOf{windows.in, windows.out()}, windows_{windows} {}

  Network::Flops flops() const override {
    auto const sums = 1.0 * windows_.size() * out_.size();
    return {sums, sums, 0};
  }

  template <class T>
  void run(Work<T> const& w) const {
    auto const share = T{1} / static_cast<T>(windows_.size());
    for (int b = 0; b < w.blocks(); ++b) {
      auto const* in = w.in + cut_numbers(in_, b);
      auto* out = w.out + cut_numbers(out_, b);
      windows_.each([&](std::size_t first, std::size_t y) {
        T sum[block]{};
        for (int j = 0; j < windows_.size(); ++j)
          for (std::size_t i = 0; i < block; ++i)
            sum[i] += in[(first + windows_.pixel(j)) * block + i];
        for (std::size_t i = 0; i < block; ++i) out[y * block + i] = sum[i] * share;
      });
    }
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    auto const share = T{1} / static_cast<T>(windows_.size());
    std::fill_n(w.d_in, cut_numbers(in_, w.blocks()), T{0});
    for (int b = 0; b < w.blocks(); ++b) {
      auto* d_in = w.d_in + cut_numbers(in_, b);
      auto const* d_out = w.d_out + cut_numbers(out_, b);
      windows_.each([&](std::size_t first, std::size_t y) {
        for (int j = 0; j < windows_.size(); ++j)
          for (std::size_t i = 0; i < block; ++i)
            d_in[(first + windows_.pixel(j)) * block + i] += d_out[y * block + i] * share;
      });
    }
  }

 private:
  Windows windows_;
};

}  // namespace

std::unique_ptr<Step> make_max_pool(LayerSpec const& spec, Shape in) {
  return std::make_unique<MaxPool>(Windows{spec, in});
}
std::unique_ptr<Step> make_avg_pool(LayerSpec const& spec, Shape in) {
  return std::make_unique<AvgPool>(Windows{spec, in});
}

}  // namespace canopy::nn
