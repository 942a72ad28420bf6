#include "split/sorted_codes.hpp"

#include <array>
#include <utility>

namespace canopy::forest {
namespace {

constexpr std::size_t few_rows = 64;  // up to here comparing all with all beats counting

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
    sort_by_rank();
  } else if (range.high - range.low < 4 * rows_) {
    sort_by_counting(range);
  } else {
    auto const bits = static_cast<int>(std::bit_width(range.high - range.low));
    for (int shift = 0; shift < bits; shift += 8) {
      sort_digit(unsorted(), spare_.data(), range.low, shift);
      keys_.swap(spare_);
    }
  }
  return unsorted();
}

void CodeBuffer::sort_by_rank() {
  std::fill_n(spare_.begin(), rows_, CodeKey{});
  for (std::size_t i = 0; i < rows_; ++i) {
    std::uint64_t rank = 0;
    for (std::size_t j = 0; j < rows_; ++j) rank += keys_[j] < keys_[i];
    spare_[rank] = keys_[i];
  }
  // Equal keys fell on one place; the places after it are still empty.
  for (std::size_t i = 1; i < rows_; ++i)
    spare_[i] = spare_[i] == CodeKey{} ? spare_[i - 1] : spare_[i];
  keys_.swap(spare_);
}

void CodeBuffer::sort_by_counting(CodeRange range) {
  starts_.assign(range.high - range.low + 2, 0);
  for (auto const& key : unsorted()) ++starts_[key.code() - range.low + 1];
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  for (auto const& key : unsorted()) spare_[starts_[key.code() - range.low]++] = key;
  keys_.swap(spare_);
}

}  // namespace canopy::forest
