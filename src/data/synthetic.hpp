#pragma once

#include <cstdint>
#include <utility>

#include "canopy/core/random.hpp"
#include "canopy/data/dataset.hpp"

namespace canopy::data {

/// Rows that look like forest cover: its 54 columns and seven classes, whole numbers in similar
/// ranges, one wilderness area and one soil type per row; every seven rows hold each class once.
/// Row i depends on `key` and i only, so that a smaller table is the beginning of a larger one.
///
/// How hard it is, in scikit-learn 1.2.1 on 15,120 rows of Key{1} (accuracy, five folds):
/// RandomForestClassifier() 0.826, DecisionTreeClassifier(max_depth=3) 0.665, by
///     cross_val_score(RandomForestClassifier(random_state=0), X, y,
///                     cv=StratifiedKFold(5, shuffle=True, random_state=0)).mean()
Dataset synthetic_forest_cover(std::int64_t rows, Key key);

/// Digits 0..9 as on a seven-segment display, drawn by an unsteady hand: shift, slant, size,
/// thickness and brightness vary and there is noise. 28 x 28 whole numbers 0..255 per row, row
/// after row of the image; `rows` to train on and rows / 5 to test with. Image i depends on `key`
/// and i only.
///
/// How hard it is, likewise with 10,000 rows (accuracy on its 2,000 test rows):
/// RandomForestClassifier(random_state=0) 0.988; LogisticRegression(max_iter=30) on X / 255 0.973.
std::pair<Dataset, Dataset> synthetic_mnist(std::int64_t rows, Key key);

}  // namespace canopy::data
