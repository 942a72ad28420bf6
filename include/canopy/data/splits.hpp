#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "canopy/core/random.hpp"

namespace canopy::data {

using RowIndex = std::uint32_t;
using Rows = std::vector<RowIndex>;  ///< row numbers, ascending

/// One way to divide rows into those that train and those that are held out.
struct Split {
  Rows train;
  Rows test;
};

/// Stratified k folds, shuffled: every row is held out in exactly one fold, and each fold's class
/// counts differ by at most one from an even share. Meaning as scikit-learn's
/// StratifiedKFold(k, shuffle=True); the shuffle is keyed, so not its rows.
/// UserError when k < 2 or the rarest class has fewer than k rows.
std::vector<Split> stratified_k_fold(std::span<std::uint16_t const> labels, int classes, int k,
                                     Key key);

/// `k` folds, `repeats` times with fresh shuffles; fold i of repeat r is at r*k + i.
std::vector<Split> repeated_stratified_k_fold(std::span<std::uint16_t const> labels, int classes,
                                              int k, int repeats, Key key);

/// Holds out the share `test_size` (0 <= test_size < 1) of every class, rounded so that the total
/// is round(n * test_size). test_size 0 holds out nothing.
Split stratified_split(std::span<std::uint16_t const> labels, int classes, double test_size,
                       Key key);

}  // namespace canopy::data
