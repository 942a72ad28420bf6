#include "sorted_codes.hpp"

#include <array>
#include <utility>

namespace canopy::forest {
namespace {

constexpr std::size_t few_rows = 32;  // up to here insertion beats counting by digits

/// One pass of a radix sort over digit `shift` of (code - low); keeps the order of equals.
void sort_digit(std::span<CodeKey const> from, CodeKey* to, std::uint32_t low, int shift) {
  std::array<std::uint32_t, 256> next{};
  auto const digit = [=](CodeKey const& key) { return (key.code() - low) >> shift & 255; };
  for (auto const& key : from) ++next[digit(key)];
  std::uint32_t sum = 0;
  for (auto& place : next) sum += std::exchange(place, sum);
  for (auto const& key : from) to[next[digit(key)]++] = key;
}

}  // namespace

std::span<CodeKey const> CodeBuffer::sort(CodeRange range) {
  if (rows_ <= few_rows) {
    sort_by_insertion();
    return unsorted();
  }
  auto const bits = static_cast<int>(std::bit_width(range.high - range.low));
  for (int shift = 0; shift < bits; shift += 8) {
    sort_digit(unsorted(), spare_.data(), range.low, shift);
    keys_.swap(spare_);
  }
  return unsorted();
}

void CodeBuffer::sort_by_insertion() {
  for (std::size_t i = 1; i < rows_; ++i) {
    auto const key = keys_[i];
    auto at = i;
    for (; at > 0 && key.code() < keys_[at - 1].code(); --at) keys_[at] = keys_[at - 1];
    keys_[at] = key;
  }
}

std::uint32_t* CodeBuffer::count(CodeRange range, std::size_t stride) {
  auto const needed = (range.high - range.low + 1) * stride;
  if (slots_.size() < needed) slots_.resize(needed);
  for (auto const& key : unsorted()) {
    auto* slot = slots_.data() + (key.code() - range.low) * stride;
    ++slot[0];
    slot[1 + key.label()] += key.weight();
  }
  return slots_.data();
}

}  // namespace canopy::forest
