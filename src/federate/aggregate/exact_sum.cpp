#include "canopy/federate/exact_sum.hpp"

#include <algorithm>
#include <cmath>

namespace canopy::federate {
namespace {

constexpr double one = 0x1p40;
constexpr float too_large = 0x1p22f;

/// NaN is not less than anything. No branch, so that the loop is vectorised.
bool all_are_below(std::span<float const> update, float bound) {
  std::int32_t bad = 0;
  for (auto const x : update) bad |= !(std::abs(x) < bound);
  return bad == 0;
}

}  // namespace

UpdateSum::UpdateSum(Reduce reduce, std::size_t length) {
  if (reduce == Reduce::exact)
    exact_.assign(length, 0);
  else
    fast_.assign(length, 0);
}

bool UpdateSum::takes(double weight, std::span<float const> update) {
  auto const largest = std::max(1.0, std::abs(weight));
  return std::isfinite(weight) && all_are_below(update, static_cast<float>(too_large / largest));
}

bool UpdateSum::add(double weight, std::span<float const> update) {
  if (!takes(weight, update)) return false;
  auto const factor = weight * one;
  auto* __restrict to = exact_.data();
  auto const* __restrict from = update.data();
  for (std::size_t i = 0; i < exact_.size(); ++i)
    to[i] += static_cast<std::int64_t>(factor * static_cast<double>(from[i]));
  auto const scale = static_cast<float>(weight);
  for (std::size_t i = 0; i < fast_.size(); ++i) fast_[i] += scale * from[i];
  return true;
}

void UpdateSum::add(UpdateSum const& other) {
  if (empty()) {
    *this = other;
    return;
  }
  for (std::size_t i = 0; i < other.exact_.size(); ++i) exact_[i] += other.exact_[i];
  for (std::size_t i = 0; i < other.fast_.size(); ++i) fast_[i] += other.fast_[i];
}

std::vector<float> UpdateSum::values(double share) const {
  if (exact_.empty()) {
    auto result = fast_;
    for (auto& x : result) x = static_cast<float>(x / share);
    return result;
  }
  std::vector<float> result(exact_.size());
  auto const unit = one * share;
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<float>(static_cast<double>(exact_[i]) / unit);
  return result;
}

}  // namespace canopy::federate
