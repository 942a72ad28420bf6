#include "canopy/data/splits.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <string>

#include "canopy/core/error.hpp"

namespace canopy::data {
namespace {

/// Each class's rows, in an order that the key decides.
std::vector<Rows> shuffled_by_class(std::span<std::uint16_t const> labels, int classes, Key key) {
  std::vector<Rows> by_class(static_cast<std::size_t>(classes));
  for (std::size_t row = 0; row < labels.size(); ++row)
    by_class.at(labels[row]).push_back(static_cast<RowIndex>(row));
  for (std::size_t c = 0; c < by_class.size(); ++c)
    Stream{key.with("class").with(c)}.shuffle(std::span{by_class[c]});
  return by_class;
}

/// The rows for which `held_out` is true, and the others.
template <class HeldOut>
Split divide(std::size_t rows, HeldOut held_out) {
  Split split;
  for (std::size_t row = 0; row < rows; ++row)
    (held_out(row) ? split.test : split.train).push_back(static_cast<RowIndex>(row));
  return split;
}

void check_folds(std::vector<Rows> const& by_class, int k) {
  if (k < 2)
    throw UserError{"cross-validation with " + std::to_string(k) +
                    " folds leaves nothing to train on or to hold out; ask for at least 2"};
  for (std::size_t c = 0; c < by_class.size(); ++c)
    if (auto const n = by_class[c].size(); n > 0 && n < static_cast<std::size_t>(k))
      throw UserError{"class number " + std::to_string(c + 1) + " of the sorted labels has " +
                      std::to_string(n) + (n == 1 ? " row" : " rows") + ", too few for each of " +
                      std::to_string(k) + " folds; ask for fewer --folds, or leave its rows out"};
}

/// How many rows of each class to hold out: even shares rounded down, then one more for those that
/// lost most, until the total is right (largest remainders; ties to the lower class).
std::vector<std::size_t> rounded_shares(std::vector<Rows> const& by_class, std::size_t total,
                                        double share) {
  std::vector<std::size_t> counts;
  std::vector<double> lost;
  for (auto const& rows : by_class) {
    auto const exact = static_cast<double>(rows.size()) * share;
    counts.push_back(static_cast<std::size_t>(exact));
    lost.push_back(exact - std::floor(exact));
  }
  std::vector<std::size_t> order(by_class.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](auto a, auto b) { return lost[a] > lost[b]; });
  auto given = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  for (auto const c : order) {
    if (given >= total) break;
    if (counts[c] == by_class[c].size()) continue;
    ++counts[c];
    ++given;
  }
  return counts;
}

}  // namespace

std::vector<Split> stratified_k_fold(std::span<std::uint16_t const> labels, int classes, int k,
                                     Key key) {
  auto const by_class = shuffled_by_class(labels, classes, key);
  check_folds(by_class, k);
  // Dealt round and round, each class going on where the last one ended: then the folds' totals
  // differ by at most one row too.
  std::vector<int> fold_of(labels.size());
  int next = 0;
  for (auto const& rows : by_class)
    for (auto const row : rows) {
      fold_of[row] = next;
      next = (next + 1) % k;
    }
  std::vector<Split> folds;
  for (int fold = 0; fold < k; ++fold)
    folds.push_back(divide(labels.size(), [&](std::size_t row) { return fold_of[row] == fold; }));
  return folds;
}

std::vector<Split> repeated_stratified_k_fold(std::span<std::uint16_t const> labels, int classes,
                                              int k, int repeats, Key key) {
  if (repeats < 1)
    throw UserError{"cross-validation repeated " + std::to_string(repeats) +
                    " times does nothing; ask for at least 1"};
  std::vector<Split> all;
  for (int r = 0; r < repeats; ++r) {
    auto folds = stratified_k_fold(labels, classes, k,
                                   key.with("repeat").with(static_cast<std::uint64_t>(r)));
    std::ranges::move(folds, std::back_inserter(all));
  }
  return all;
}

Split stratified_split(std::span<std::uint16_t const> labels, int classes, double test_size,
                       Key key) {
  if (!(test_size >= 0 && test_size < 1))
    throw UserError{"a test size of " + std::to_string(test_size) +
                    " is no share of the rows; ask for at least 0 and less than 1"};
  auto const by_class = shuffled_by_class(labels, classes, key);
  auto const total =
      static_cast<std::size_t>(std::llround(static_cast<double>(labels.size()) * test_size));
  auto const counts = rounded_shares(by_class, total, test_size);
  std::vector<bool> held_out(labels.size());
  for (std::size_t c = 0; c < by_class.size(); ++c)
    for (std::size_t i = 0; i < counts[c]; ++i) held_out[by_class[c][i]] = true;
  return divide(labels.size(), [&](std::size_t row) { return held_out[row]; });
}

}  // namespace canopy::data
