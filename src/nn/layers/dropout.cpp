#include <algorithm>
#include <cmath>

#include "kernels/philox_lanes.hpp"
#include "layers/step.hpp"

namespace canopy::nn {
namespace {

/// Sets numbers to zero with probability `rate` and divides the others by 1 - rate (Srivastava et
/// al. 2014), when training. A sample's mask follows from (MicroBatch::dropout, layer, sample
/// number): feature f is dropped when half f of the Stream so keyed is below rate * 65536.
class Dropout : public StepOf<Dropout> {
 public:
  Dropout(Shape shape, double rate) : StepOf{shape, shape}, rate_{rate} {}

  Network::Flops flops() const override {
    auto const size = 1.0 * in_.size();
    return {size, size, 0};
  }
  /// What each number is multiplied by.
  std::size_t kept(int blocks) const override { return cut_numbers(in_, blocks); }

  template <class T>
  void run(Work<T> const& w) const {
    if (!w.batch.training) {
      std::copy_n(w.in, cut_numbers(in_, w.blocks()), w.out);
      return;
    }
    for (int b = 0; b < w.blocks(); ++b) {
      auto const at = cut_numbers(in_, b);
      draw(w.batch, b, w.in + at, w.kept + at, w.out + at);
    }
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    auto const numbers = cut_numbers(in_, w.blocks());
    if (!w.batch.training) {
      std::copy_n(w.d_out, numbers, w.d_in);
      return;
    }
    for (std::size_t i = 0; i < numbers; ++i) w.d_in[i] = w.d_out[i] * w.kept[i];
  }

 private:
  /// Factors of one block, and what they make of its numbers.
  template <class T>
  void draw(MicroBatch const& batch, int number, T const* in, T* factors, T* out) const {
    std::uint64_t keys[block]{};
    T scale[block]{};  // zero where there is no sample
    auto const layer = batch.dropout.with(this->number());
    for (int i = 0; i < std::min(block, batch.rows - number * block); ++i) {
      keys[i] = layer.with(batch.samples[static_cast<std::size_t>(number * block + i)]).value();
      scale[i] = static_cast<T>(1 / (1 - rate_));
    }
    auto const limit = static_cast<std::uint32_t>(std::lround(rate_ * 65536));
    std::uint32_t word[4][block];
    for (int f = 0; f < in_.size(); ++f, in += block, factors += block, out += block) {
      if (f % 8 == 0) philox_lanes(static_cast<std::uint32_t>(f / 8), keys, word);
      auto const& words = word[f % 8 / 2];
      auto const shift = f % 2 * 16;
#pragma GCC ivdep
      for (int i = 0; i < block; ++i) {
        auto const factor = ((words[i] >> shift) & 0xffff) < limit ? T{0} : scale[i];
        factors[i] = factor;
        out[i] = in[i] * factor;
      }
    }
  }
  double rate_;
};

}  // namespace

std::unique_ptr<Step> make_dropout(LayerSpec const& spec, Shape in) {
  return std::make_unique<Dropout>(in, spec.number("rate"));
}

}  // namespace canopy::nn
