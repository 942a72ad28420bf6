#include "weighted/introsort.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace canopy::forest {
namespace {

constexpr std::size_t few_keys = 16;   // up to here swapping one by one beats passes
constexpr std::size_t rank_keys = 32;  // up to here comparing all with all pays

std::uint32_t median_of_three(std::span<RowKey const> keys) {
  auto const a = keys.front().code();
  auto const b = keys[keys.size() / 2].code();
  auto const c = keys.back().code();
  if (a < b) return b < c ? b : a < c ? c : a;
  return b >= c ? b : a < c ? a : c;
}

void sift_down(std::span<RowKey> keys, std::size_t root) {
  for (;;) {
    auto largest = root;
    for (auto const child : {2 * root + 1, 2 * root + 2})
      if (child < keys.size() && keys[largest].code() < keys[child].code()) largest = child;
    if (largest == root) return;
    std::swap(keys[root], keys[largest]);
    root = largest;
  }
}

void heapsort(std::span<RowKey> keys) {
  for (auto start = (keys.size() - 2) / 2 + 1; start-- > 0;) sift_down(keys, start);
  for (auto end = keys.size() - 1; end > 0; --end) {
    std::swap(keys[0], keys[end]);
    sift_down(keys.first(end), 0);
  }
}

/// Sorts if all codes are distinct, else leaves the keys as they are and gives false.
template <std::size_t Lanes>
bool sort_distinct(std::span<RowKey> keys) {
  std::array<std::uint32_t, Lanes> codes;
  std::array<std::uint32_t, Lanes> ranks{};
  codes.fill(~0u);
  for (std::size_t i = 0; i < keys.size(); ++i) codes[i] = keys[i].code();
  for (std::size_t j = 0; j < keys.size(); ++j)
    for (std::size_t i = 0; i < Lanes; ++i) ranks[i] += codes[j] < codes[i];
  std::array<RowKey, Lanes> sorted;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    seen |= std::uint64_t{1} << ranks[i];
    sorted[ranks[i]] = keys[i];
  }
  if (seen + 1 != std::uint64_t{1} << keys.size()) return false;
  std::copy_n(sorted.begin(), keys.size(), keys.begin());
  return true;
}

bool sort_distinct(std::span<RowKey> keys) {
  return keys.size() <= 8    ? sort_distinct<8>(keys)
         : keys.size() <= 16 ? sort_distinct<16>(keys)
                             : sort_distinct<rank_keys>(keys);
}

/// Whether codes drawn from the range are rather all distinct than not.
bool are_likely_distinct(std::size_t keys, CodeRange range) {
  return keys <= rank_keys && keys * keys <= 2 * (std::uint64_t{range.high - range.low} + 1);
}

}  // namespace

void Introsort::reserve(std::size_t keys) {
  from_front_.resize(std::max(from_front_.size(), keys + 1));
  from_back_.resize(from_front_.size());
  places_.resize(from_front_.size());
}

void Introsort::sort(std::span<RowKey> keys, CodeRange range) {
  if (keys.empty()) return;
  auto const n = static_cast<double>(keys.size());
  sort(keys, range, 2 * static_cast<int>(std::log(n) / std::log(2.0)));
}

void Introsort::sort(std::span<RowKey> keys, CodeRange range, int depth) {
  while (keys.size() > 1) {
    if (are_likely_distinct(keys.size(), range) && sort_distinct(keys)) return;
    if (depth-- <= 0) return heapsort(keys);
    if (range.low == range.high) return;  // a pivot that equals all moves none
    auto const pivot = median_of_three(keys);
    auto const [smaller, larger] = partition(keys, range, pivot);
    if (smaller > 1) sort(keys.first(smaller), {range.low, pivot - 1}, depth);
    keys = keys.subspan(larger);
    range.low = pivot + 1;
  }
}

Introsort::Parts Introsort::partition(std::span<RowKey> keys, CodeRange range,
                                      std::uint32_t pivot) {
  if (keys.size() <= few_keys) return partition_one_by_one(keys, pivot);
  auto const larger = pivot < range.high ? move_larger(keys, pivot) : keys.size();
  auto const smaller = pivot > range.low ? move_smaller(keys.first(larger), pivot) : 0;
  return {smaller, larger};
}

/// scikit-learn's own loop: takes a key from the front; if it is larger than the pivot it goes to
/// the last free place at the back and the key that was there is taken next, else it joins the
/// smaller ones or the equal ones at the front.
Introsort::Parts Introsort::partition_one_by_one(std::span<RowKey> keys, std::uint32_t pivot) {
  std::size_t smaller = 0;
  auto larger = keys.size();
  for (std::size_t i = 0; i < larger;) {
    auto const code = keys[i].code();
    if (code < pivot)
      std::swap(keys[i++], keys[smaller++]);
    else if (code > pivot)
      std::swap(keys[i], keys[--larger]);
    else
      ++i;
  }
  return {smaller, larger};
}

/// Exchanges larger keys at the front with others at the back; gives where the larger ones begin.
/// At the back, seen from the end, each larger one from the front stands before those that the loop
/// met until a key from the back could take its place.
std::size_t Introsort::move_larger(std::span<RowKey> keys, std::uint32_t pivot) {
  auto const is_larger = [=](RowKey key) -> std::size_t { return key.code() > pivot; };
  auto larger = keys.size();
  for (auto const key : keys) larger -= is_larger(key);
  if (larger == keys.size()) return larger;

  std::size_t exchanged = 0;
  for (std::size_t i = 0; i < larger; ++i) {
    places_[exchanged] = static_cast<std::uint32_t>(i);
    exchanged += is_larger(keys[i]);
  }
  for (std::size_t i = 0; i < exchanged; ++i) from_front_[i] = keys[places_[i]];
  from_front_[exchanged] = keys[larger];  // ends among larger ones, which turn by one place
  auto moving = from_front_[0];
  std::size_t taken = 0;
  for (auto at = keys.size(); at-- > larger;) {
    auto const key = std::exchange(keys[at], moving);
    auto const stays = is_larger(key);
    from_back_[taken] = key;
    taken += 1 - stays;
    auto const next = from_front_[taken];
    moving = stays ? key : next;
  }
  for (std::size_t i = 0; i < exchanged; ++i) keys[places_[i]] = from_back_[i];
  return larger;
}

/// Moves smaller keys before the equal ones; gives their number.
std::size_t Introsort::move_smaller(std::span<RowKey> keys, std::uint32_t pivot) {
  std::size_t smaller = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto const key = keys[i];
    auto const first_equal = keys[smaller];
    auto const is_smaller = key.code() < pivot;
    keys[smaller] = is_smaller ? key : first_equal;
    keys[i] = is_smaller ? first_equal : key;
    smaller += is_smaller;
  }
  return smaller;
}

}  // namespace canopy::forest
