#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/nn/network.hpp"

namespace canopy::nn {

template <class T>
struct Work;  // what one layer works on: src/nn/layers/step.hpp

/// Which samples go through a network together.
struct MicroBatch {
  int rows = 0;
  /// The number of each sample in its data set, `rows` of them: what dropout masks are keyed by.
  /// May be empty when not training.
  std::span<std::uint32_t const> samples;
  Key dropout{0};         ///< of the seed and the epoch (or step): same key and sample, same mask
  bool training = false;  ///< false: no dropout, batch norm by its running statistics

  static MicroBatch scoring(int rows) { return {rows, {}, Key{0}, false}; }
};

/// How a gradient meets what stands in the arena. `add` has the bits of writing elsewhere and then
/// `add(arena, elsewhere)`, and moves less memory.
enum class Put { write, add };

struct Loss {
  double sum = 0;            ///< of the cross-entropy over the rows: not a mean
  std::int64_t correct = 0;  ///< rows whose largest logit (the first one on ties) is their label's
  double squares = 0;        ///< of each row's cross-entropy, summed

  Loss& operator+=(Loss const& other) {
    sum += other.sum;
    correct += other.correct;
    squares += other.squares;
    return *this;
  }
};

/// The activations and gradients of ONE micro-batch in layers [first, last) of a network. All
/// memory is planned at construction; nothing allocates afterwards. A pipeline holds several.
///
///     gather(rows of the data, ..., pass.input());  pass.forward(arena, micro_batch);
///     pass.loss(labels, smoothing);                 pass.backward(arena, gradients);
///
/// All numbers depend on the arena, the input and the MicroBatch only: not on `most_rows`, on the
/// alignment of any memory, or on which layers share a Pass. A sample's logits do not even depend
/// on the other rows (unless batch norm is training).
template <class T>
class BasicPass {
 public:
  /// The network must outlive the pass.
  BasicPass(Network const& network, int first, int last, int most_rows);
  BasicPass(Network const& network, int most_rows)
      : BasicPass{network, 0, network.depth(), most_rows} {}
  ~BasicPass();
  BasicPass(BasicPass&&) noexcept;

  int first() const { return first_; }
  int last() const { return last_; }
  int most_rows() const { return most_rows_; }

  /// Cut `first`, to be filled before forward(): by gather(), or from the stage before. Sized for
  /// most_rows; the first network.cut_size(first, rows) numbers count. Likewise the next three.
  std::span<T> input();
  std::span<T const> output() const;          ///< cut `last`, after forward()
  std::span<T> output_gradient();             ///< of cut `last`: by loss(), or from the stage after
  std::span<T const> input_gradient() const;  ///< of cut `first`, after backward_input(first)

  /// `call()` about every tenth of a millisecond in the midst of convolutions and dense layers: for
  /// those who poll messages. It must not use this pass.
  void call_meanwhile(std::function<void()> call);

  /// `arena` is always the whole one of the network.
  void forward(std::span<T const> arena, MicroBatch const& batch);
  /// One layer of it; for those who poll messages or measure between layers. In order, and after
  /// begin().
  void begin(MicroBatch const& batch);
  void forward_layer(int layer, std::span<T const> arena);

  /// Softmax cross-entropy with label smoothing (PyTorch's CrossEntropyLoss(label_smoothing),
  /// summed) of the logits, and its gradient put into output_gradient(): of the SUM over the rows;
  /// the optimizer divides by the global batch. `last` must be the network's depth().
  Loss loss(std::span<std::uint16_t const> labels, double label_smoothing = 0);
  /// The same numbers without the gradient, for validation.
  Loss evaluate(std::span<std::uint16_t const> labels, double label_smoothing = 0) const;
  /// Softmax of the logits, rows x classes, row-major.
  void probabilities(std::span<T> result) const;

  /// Gradient with respect to what layer `layer` took (cut `layer`). Layers come from last-1 down;
  /// needs the gradient of cut `layer`+1.
  void backward_input(int layer, std::span<T const> arena);
  /// Gradient with respect to the layer's parameters, put into its range of `gradients` (an arena);
  /// the batch statistics of batch norm are put into its buffer range. Any time after the gradient
  /// of cut `layer`+1 is there and before the next begin(): before or after backward_input().
  void backward_parameters(int layer, std::span<T const> arena, std::span<T> gradients,
                           Put put = Put::write);

  /// Both for all layers from the last to the first. The input's gradient is left out for layer
  /// `first` unless `first` > 0 (a stage before waits for it). `done(layer)` is called when the
  /// layer's gradient is final.
  void backward(std::span<T const> arena, std::span<T> gradients, Put put = Put::write,
                std::function<void(int layer)> const& done = {});

 private:
  struct Memory;
  Work<T> work(int layer, std::span<T const> arena) const;
  void prepare(int layer, Work<T> const& work);
  void check_labels(std::span<std::uint16_t const> labels) const;

  Network const* network_;
  int first_;
  int last_;
  int most_rows_;
  std::unique_ptr<Memory> memory_;
};

using Pass = BasicPass<float>;

extern template class BasicPass<float>;
extern template class BasicPass<double>;

/// a += b, element by element.
template <class T>
void add(std::span<T> a, std::span<T const> b);

}  // namespace canopy::nn
