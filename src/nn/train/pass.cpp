#include "canopy/nn/pass.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>


#include "canopy/core/aligned.hpp"

#include "layers/step.hpp"
#include "train/loss.hpp"

namespace canopy::nn {
namespace {

void expect(bool holds, char const* what) {
  if (!holds) throw std::logic_error{std::string{"nn::Pass: "} + what};
}

int blocks_of(int rows) {
  return (rows + block - 1) / block;
}

}  // namespace

/// All that a pass remembers, in one piece of memory:
///     activations of each cut | their gradients | kept by each layer | scratch
template <class T>
struct BasicPass<T>::Memory {
  Memory(Network const& network, int first, int last, int most_blocks) : first_layer{first} {
    std::size_t size = 0;
    auto const place = [&](std::vector<std::size_t>& places, std::size_t count) {
      places.push_back(size);
      size += whole_blocks(count);
    };
    for (int cut = first; cut <= last; ++cut)
      place(activations, cut_numbers(network.shape(cut), most_blocks));
    for (int cut = first; cut <= last; ++cut)
      place(gradients, cut_numbers(network.shape(cut), most_blocks));
    std::size_t most_scratch = 0;
    for (int layer = first; layer < last; ++layer) {
      place(kept, network.step(layer).kept(most_blocks));
      most_scratch = std::max(most_scratch, network.step(layer).scratch(most_blocks));
    }
    scratch = size;
    numbers.emplace(size + whole_blocks(most_scratch));
    prepared.assign(static_cast<std::size_t>(last - first), false);
  }

  T* activation(int cut) { return at(activations, cut); }
  T* gradient(int cut) { return at(gradients, cut); }
  T* kept_by(int layer) { return at(kept, layer); }
  T* scratch_space() { return numbers->data() + scratch; }

  MicroBatch batch;
  Look look;
  std::vector<bool> prepared;  ///< layers whose gradient of the output is ready for both uses

  int first_layer;

 private:
  T* at(std::vector<std::size_t> const& places, int number) {
    return numbers->data() + places[static_cast<std::size_t>(number - first_layer)];
  }
  std::vector<std::size_t> activations;
  std::vector<std::size_t> gradients;
  std::vector<std::size_t> kept;
  std::size_t scratch = 0;
  std::optional<AlignedArray<T>> numbers;
};

template <class T>
BasicPass<T>::BasicPass(Network const& network, int first, int last, int most_rows)
    : network_{&network},
      first_{first},
      last_{last},
      most_rows_{most_rows},
      memory_{std::make_unique<Memory>(network, first, last, blocks_of(most_rows))} {
  expect(0 <= first && first < last && last <= network.depth(), "no such layers");
  expect(most_rows > 0, "no rows");
}

template <class T>
BasicPass<T>::~BasicPass() = default;
template <class T>
BasicPass<T>::BasicPass(BasicPass&&) noexcept = default;

template <class T>
std::span<T> BasicPass<T>::input() {
  return {memory_->activation(first_), network_->cut_size(first_, most_rows_)};
}
template <class T>
std::span<T const> BasicPass<T>::output() const {
  return {memory_->activation(last_), network_->cut_size(last_, most_rows_)};
}
template <class T>
std::span<T> BasicPass<T>::output_gradient() {
  return {memory_->gradient(last_), network_->cut_size(last_, most_rows_)};
}
template <class T>
std::span<T const> BasicPass<T>::input_gradient() const {
  return {memory_->gradient(first_), network_->cut_size(first_, most_rows_)};
}

template <class T>
Work<T> BasicPass<T>::work(int layer, std::span<T const> arena) const {
  expect(first_ <= layer && layer < last_, "no such layer");
  expect(arena.size() == network_->arena_size(), "the arena has another size");
  auto& m = *memory_;
  return {.batch = m.batch,
          .most_blocks = blocks_of(most_rows_),
          .arena = arena.data(),
          .in = m.activation(layer),
          .out = m.activation(layer + 1),
          .d_in = m.gradient(layer),
          .d_out = m.gradient(layer + 1),
          .kept = m.kept_by(layer),
          .scratch = m.scratch_space(),
          .look = m.look};
}

template <class T>
void BasicPass<T>::begin(MicroBatch const& batch) {
  expect(0 < batch.rows && batch.rows <= most_rows_, "too many rows or none");
  expect(!batch.training || batch.samples.size() == static_cast<std::size_t>(batch.rows),
         "as many sample numbers as rows are wanted");
  memory_->batch = batch;
  memory_->prepared.assign(memory_->prepared.size(), false);
}

template <class T>
void BasicPass<T>::call_meanwhile(std::function<void()> call) {
  memory_->look.call = std::move(call);
}

template <class T>
void BasicPass<T>::forward_layer(int layer, std::span<T const> arena) {
  network_->step(layer).forward(work(layer, arena));
}

template <class T>
void BasicPass<T>::forward(std::span<T const> arena, MicroBatch const& batch) {
  begin(batch);
  for (int layer = first_; layer < last_; ++layer) forward_layer(layer, arena);
}

template <class T>
Loss BasicPass<T>::loss(std::span<std::uint16_t const> labels, double label_smoothing) {
  check_labels(labels);
  return cross_entropy<T>(network_->classes(), memory_->activation(last_), labels, label_smoothing,
                          memory_->gradient(last_));
}

template <class T>
Loss BasicPass<T>::evaluate(std::span<std::uint16_t const> labels, double label_smoothing) const {
  check_labels(labels);
  return cross_entropy<T>(network_->classes(), memory_->activation(last_), labels, label_smoothing,
                          nullptr);
}

template <class T>
void BasicPass<T>::check_labels(std::span<std::uint16_t const> labels) const {
  expect(last_ == network_->depth(), "only the last layers have a loss");
  expect(labels.size() == static_cast<std::size_t>(memory_->batch.rows), "one label per row");
}

template <class T>
void BasicPass<T>::probabilities(std::span<T> result) const {
  auto const rows = memory_->batch.rows;
  expect(last_ == network_->depth(), "only the last layers have probabilities");
  expect(result.size() ==
             static_cast<std::size_t>(rows) * static_cast<std::size_t>(network_->classes()),
         "rows x classes probabilities");
  softmax<T>(network_->classes(), rows, memory_->activation(last_), result.data());
}

template <class T>
void BasicPass<T>::prepare(int layer, Work<T> const& work) {
  auto const number = static_cast<std::size_t>(layer - first_);
  if (memory_->prepared[number]) return;
  network_->step(layer).prepare_backward(work);
  memory_->prepared[number] = true;
}

template <class T>
void BasicPass<T>::backward_input(int layer, std::span<T const> arena) {
  auto const here = work(layer, arena);
  prepare(layer, here);
  network_->step(layer).backward_input(here);
}

template <class T>
void BasicPass<T>::backward_parameters(int layer, std::span<T const> arena, std::span<T> gradients,
                                       Put put) {
  expect(gradients.size() == arena.size(), "gradients have the arena's size");
  auto here = work(layer, arena);
  here.gradients = gradients.data();
  here.add = put == Put::add;
  prepare(layer, here);
  network_->step(layer).backward_parameters(here);
}

template <class T>
void BasicPass<T>::backward(std::span<T const> arena, std::span<T> gradients, Put put,
                            std::function<void(int)> const& done) {
  for (int layer = last_ - 1; layer >= first_; --layer) {
    if (layer > 0) backward_input(layer, arena);
    backward_parameters(layer, arena, gradients, put);
    if (done) done(layer);
  }
}

template class BasicPass<float>;
template class BasicPass<double>;

template <class T>
void add(std::span<T> a, std::span<T const> b) {
  expect(a.size() == b.size(), "spans of equal length are added");
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
}
template void add<float>(std::span<float>, std::span<float const>);
template void add<double>(std::span<double>, std::span<double const>);

}  // namespace canopy::nn
