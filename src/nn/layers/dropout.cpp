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
  /// A byte for each number: whether it is kept.
  std::size_t kept(int blocks) const override {
    return numbers_for_bytes(cut_numbers(in_, blocks));
  }

  template <class T>
  void run(Work<T> const& w) const {
    if (!w.batch.training) {
      std::copy_n(w.in, cut_numbers(in_, w.blocks()), w.out);
      return;
    }
    for (int b = 0; b < w.blocks(); ++b) draw(w.batch, b, bytes(w) + cut_numbers(in_, b));
    choose(w, w.in, w.out);
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    if (w.batch.training)
      choose(w, w.d_out, w.d_in);
    else
      std::copy_n(w.d_out, cut_numbers(in_, w.blocks()), w.d_in);
  }

 private:
  template <class T>
  static std::uint8_t* bytes(Work<T> const& w) {
    return reinterpret_cast<std::uint8_t*>(w.kept);
  }
  template <class T>
  void choose(Work<T> const& w, T const* __restrict from, T* __restrict to) const {
    auto const numbers = cut_numbers(in_, w.blocks());
    auto const scale = static_cast<T>(1 / (1 - rate_));
    auto const* __restrict kept = bytes(w);
    for (std::size_t i = 0; i < numbers; ++i) to[i] = kept[i] ? from[i] * scale : T{0};
  }

  /// Lanes without a sample keep nothing.
  void draw(MicroBatch const& batch, int number, std::uint8_t* __restrict kept) const {
    std::uint64_t keys[block]{};
    std::uint32_t limit[block];  // on 16 bits; above them all for lanes without a sample
    std::fill_n(limit, block, 65536u);
    auto const layer = batch.dropout.with(this->number());
    for (int i = 0; i < std::min(block, batch.rows - number * block); ++i) {
      keys[i] = layer.with(batch.samples[static_cast<std::size_t>(number * block + i)]).value();
      limit[i] = static_cast<std::uint32_t>(std::lround(rate_ * 65536));
    }
    std::uint32_t word[4][block];
    for (int f = 0; f < in_.size(); ++f, kept += block) {
      if (f % 8 == 0) philox_lanes(static_cast<std::uint32_t>(f / 8), keys, word);
      auto const& words = word[f % 8 / 2];
      auto const shift = f % 2 * 16;
      for (int i = 0; i < block; ++i)
        kept[i] = static_cast<std::uint8_t>(((words[i] >> shift) & 0xffff) >= limit[i]);
    }
  }
  double rate_;
};

}  // namespace

std::unique_ptr<Step> make_dropout(LayerSpec const& spec, Shape in) {
  return std::make_unique<Dropout>(in, spec.number("rate"));
}

}  // namespace canopy::nn
