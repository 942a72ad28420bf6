#include <algorithm>
#include <cmath>

#include "layers/step.hpp"

namespace canopy::nn {
namespace {

/// Normalises each channel over the samples and pixels of the micro-batch (Ioffe & Szegedy 2015;
/// PyTorch's BatchNorm1d and 2d, eps 1e-5), or by running statistics when not training.
///
/// Each micro-batch is normalised by itself ("ghost" batches, Hoffer et al. 2017), so that nothing
/// depends on who computes which. Its mean and unbiased variance go where the gradients of the
/// buffers would stand; the optimizer averages them into the running ones.
class BatchNorm : public StepOf<BatchNorm> {
 public:
  explicit BatchNorm(Shape shape) : StepOf{shape, shape} {}

  std::vector<OwnTensor> tensors() const override {
    std::vector<std::int64_t> const shape{in_.channels};
    return {{"weight", shape, 0, 1},
            {"bias", shape, 0, 0},
            {"running_mean", shape, 0, 0, true},
            {"running_var", shape, 0, 1, true}};
  }
  Network::Flops flops() const override {
    auto const size = 1.0 * in_.size();
    return {5 * size, 5 * size, 3 * size};
  }
  /// By channel: mean, 1/deviation, unbiased variance; then two sums of the gradient.
  std::size_t kept(int) const override {
    return whole_blocks(5 * static_cast<std::size_t>(in_.channels));
  }

  template <class T>
  void run(Work<T> const& w) const {
    for (int c = 0; c < in_.channels; ++c) {
      measure(w, c);
      auto const factor = tensor(w, 0)[c] * kept_of(w, 1)[c];
      auto const shift = tensor(w, 1)[c] - kept_of(w, 0)[c] * factor;
      each_block(w, c, [&](std::size_t at, int) {
        for (std::size_t i = at; i < at + pixels() * block; ++i)
          w.out[i] = w.in[i] * factor + shift;
      });
    }
  }

  /// Sums of dy and of dy * normalised x: the gradients of bias and weight.
  template <class T>
  void prepare(Work<T> const& w) const {
    for (int c = 0; c < in_.channels; ++c) {
      auto const mean = kept_of(w, 0)[c];
      kept_of(w, 3)[c] = sum_of(w, c, [&](std::size_t i) { return w.d_out[i]; });
      kept_of(w, 4)[c] = kept_of(w, 1)[c] *
                         sum_of(w, c, [&](std::size_t i) { return w.d_out[i] * (w.in[i] - mean); });
    }
  }
  template <class T>
  void input_gradient(Work<T> const& w) const {
    for (int c = 0; c < in_.channels; ++c) {
      auto const factor = tensor(w, 0)[c] * kept_of(w, 1)[c];
      auto const mean = kept_of(w, 0)[c];
      // Without training the statistics are constants, and so no gradient goes through them.
      auto const share = w.batch.training ? T{1} / static_cast<T>(count(w)) : T{0};
      auto const a = kept_of(w, 3)[c] * share;
      auto const b = kept_of(w, 4)[c] * share * kept_of(w, 1)[c];
      each_block(w, c, [&](std::size_t at, int lanes) {
        for (std::size_t p = 0; p < pixels(); ++p)
          for (int lane = 0; lane < block; ++lane) {
            auto const i = at + p * block + static_cast<std::size_t>(lane);
            auto const d = factor * (w.d_out[i] - a - (w.in[i] - mean) * b);
            w.d_in[i] = lane < lanes ? d : T{0};
          }
      });
    }
  }
  template <class T>
  void parameter_gradient(Work<T> const& w) const {
    for (int c = 0; c < in_.channels; ++c) {
      put(gradient(w, 0)[c], kept_of(w, 4)[c], w.add);
      put(gradient(w, 1)[c], kept_of(w, 3)[c], w.add);
      put(gradient(w, 2)[c], kept_of(w, 0)[c], w.add);
      put(gradient(w, 3)[c], kept_of(w, 2)[c], w.add);
    }
  }

 private:
  static constexpr double eps = 1e-5;

  std::size_t pixels() const { return static_cast<std::size_t>(in_.height * in_.width); }
  template <class T>
  double count(Work<T> const& w) const {
    return static_cast<double>(w.rows()) * static_cast<double>(pixels());
  }
  template <class T>
  T* kept_of(Work<T> const& w, int number) const {
    return w.kept + number * in_.channels;
  }
  template <class T>
  static void put(T& to, T value, bool add) {
    to = add ? to + value : value;
  }

  /// visit(first number of the channel in the block, lanes that hold samples).
  template <class T, class Visit>
  void each_block(Work<T> const& w, int channel, Visit visit) const {
    for (int b = 0; b < w.blocks(); ++b)
      visit(cut_numbers(in_, b) + static_cast<std::size_t>(channel) * pixels() * block,
            std::min(block, w.rows() - b * block));
  }
  /// Lane by lane, and then the lanes that hold samples in double.
  template <class T, class Value>
  T sum_of(Work<T> const& w, int channel, Value value) const {
    double total = 0;
    each_block(w, channel, [&](std::size_t at, int lanes) {
      T sums[block]{};
      for (std::size_t p = 0; p < pixels(); ++p)
        for (std::size_t lane = 0; lane < block; ++lane) sums[lane] += value(at + p * block + lane);
      for (int lane = 0; lane < lanes; ++lane) total += static_cast<double>(sums[lane]);
    });
    return static_cast<T>(total);
  }

  template <class T>
  void measure(Work<T> const& w, int c) const {
    auto mean = tensor(w, 2)[c];
    auto variance = tensor(w, 3)[c];
    auto unbiased = variance;
    if (w.batch.training) {
      auto const n = static_cast<T>(count(w));
      mean = sum_of(w, c, [&](std::size_t i) { return w.in[i]; }) / n;
      auto const squares = sum_of(w, c, [&](std::size_t i) {
        auto const d = w.in[i] - mean;
        return d * d;
      });
      variance = squares / n;
      unbiased = n > 1 ? squares / (n - 1) : variance;
    }
    kept_of(w, 0)[c] = mean;
    kept_of(w, 1)[c] = 1 / std::sqrt(variance + static_cast<T>(eps));
    kept_of(w, 2)[c] = unbiased;
  }
};

}  // namespace

std::unique_ptr<Step> make_batch_norm(LayerSpec const&, Shape in) {
  return std::make_unique<BatchNorm>(in);
}

}  // namespace canopy::nn
