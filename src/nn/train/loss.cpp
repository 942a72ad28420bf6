#include "train/loss.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/lanes.hpp"

namespace canopy::nn {
namespace {

/// One sample's logits: every 16th number.
template <class T>
struct Lane {
  T const* first;
  int classes;
  T operator[](int c) const { return first[c * block]; }

  int largest() const {
    int best = 0;
    for (int c = 1; c < classes; ++c)
      if ((*this)[c] > (*this)[best]) best = c;
    return best;
  }
};

template <class T>
Lane<T> lane_of(T const* logits, int classes, int row) {
  return {logits + std::ptrdiff_t{row / block} * classes * block + row % block, classes};
}

/// Writes exp(x - shift) of each class to to[c * stride]; returns their sum.
template <class T>
T exponentials(Lane<T> lane, T shift, T* to, int stride) {
  T sum = 0;
  for (int c = 0; c < lane.classes; ++c) {
    auto const e = std::exp(lane[c] - shift);
    to[c * stride] = e;
    sum += e;
  }
  return sum;
}

/// -sum of target * log softmax = log sum exp - (1-s) * logit of the label - s * mean logit.
template <class T>
double loss_of(Lane<T> lane, std::uint16_t label, double smoothing, T shift, double sum_of_exp) {
  double mean = 0;
  if (smoothing > 0) {
    for (int c = 0; c < lane.classes; ++c) mean += static_cast<double>(lane[c] - shift);
    mean /= lane.classes;
  }
  return std::log(sum_of_exp) - (1 - smoothing) * static_cast<double>(lane[label] - shift) -
         smoothing * mean;
}

}  // namespace

template <class T>
Loss cross_entropy(int classes, T const* logits, std::span<std::uint16_t const> labels,
                   double smoothing, T* gradient) {
  Loss total;
  auto const add = [&](double loss) {
    total.sum += loss;
    total.squares += loss * loss;
  };
  auto const rows = static_cast<int>(labels.size());
  if (gradient)
    std::fill_n(gradient, std::ptrdiff_t{(rows + block - 1) / block} * block * classes, T{0});
  auto const spread = static_cast<T>(smoothing / classes);
  for (int row = 0; row < rows; ++row) {
    auto const lane = lane_of(logits, classes, row);
    auto const label = labels[static_cast<std::size_t>(row)];
    auto const largest = lane.largest();
    auto const shift = lane[largest];
    total.correct += largest == label;
    if (!gradient) {
      double sum = 0;
      for (int c = 0; c < classes; ++c) sum += std::exp(lane[c] - shift);
      add(loss_of(lane, label, smoothing, shift, sum));
      continue;
    }
    auto* to = gradient + (lane.first - logits);
    auto const sum = exponentials(lane, shift, to, block);
    add(loss_of(lane, label, smoothing, shift, static_cast<double>(sum)));
    for (int c = 0; c < classes; ++c) to[c * block] = to[c * block] / sum - spread;
    to[label * block] -= static_cast<T>(1 - smoothing);
  }
  return total;
}

template <class T>
void softmax(int classes, int rows, T const* logits, T* probabilities) {
  for (int row = 0; row < rows; ++row, probabilities += classes) {
    auto const lane = lane_of(logits, classes, row);
    auto const sum = exponentials(lane, lane[lane.largest()], probabilities, 1);
    for (int c = 0; c < classes; ++c) probabilities[c] /= sum;
  }
}

template Loss cross_entropy<float>(int, float const*, std::span<std::uint16_t const>, double,
                                   float*);
template Loss cross_entropy<double>(int, double const*, std::span<std::uint16_t const>, double,
                                    double*);
template void softmax<float>(int, int, float const*, float*);
template void softmax<double>(int, int, double const*, double*);

}  // namespace canopy::nn
