#include "canopy/data/metrics.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::data {
namespace {

using Labels = std::span<std::uint16_t const>;

std::int64_t sum(std::vector<std::int64_t> const& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

double accuracy(ClassTally const& tally) {
  return static_cast<double>(sum(tally.right)) / static_cast<double>(sum(tally.rows));
}

/// Mean recall of the classes that have rows.
double balanced_accuracy(ClassTally const& tally) {
  double total = 0;
  int present = 0;
  for (std::size_t c = 0; c < tally.rows.size(); ++c) {
    if (tally.rows[c] == 0) continue;
    total += static_cast<double>(tally.right[c]) / static_cast<double>(tally.rows[c]);
    ++present;
  }
  return total / present;
}

/// Mean F1 of the classes that are the truth or the prediction of some row.
double f1_macro(ClassTally const& tally) {
  double total = 0;
  int seen = 0;
  for (std::size_t c = 0; c < tally.rows.size(); ++c) {
    auto const mentions = tally.rows[c] + tally.predicted[c];
    if (mentions == 0) continue;
    total += 2 * static_cast<double>(tally.right[c]) / static_cast<double>(mentions);
    ++seen;
  }
  return total / seen;
}

/// Probabilities are kept off 0 and 1 and each row then scaled to sum 1, as sklearn's log_loss
/// does with its default eps.
double log_likelihood(RowOfProbabilities const& probabilities, std::uint16_t label) {
  constexpr auto eps = std::numeric_limits<double>::epsilon();
  auto const clipped = [&](Eigen::Index c) { return std::clamp(probabilities(c), eps, 1 - eps); };
  double whole = 0;
  for (Eigen::Index c = 0; c < probabilities.size(); ++c) whole += clipped(c);
  return std::log(clipped(label) / whole);
}

constexpr std::array scorers{
    Scorer{"accuracy", Scorer::Needs::right_rows, accuracy, nullptr},
    Scorer{"balanced_accuracy", Scorer::Needs::class_counts, balanced_accuracy, nullptr},
    Scorer{"f1_macro", Scorer::Needs::class_counts, f1_macro, nullptr},
    Scorer{"neg_log_loss", Scorer::Needs::probabilities, nullptr, log_likelihood},
};

double mean_over_rows(Scorer const& scorer, Labels labels, Eigen::MatrixXd const& probabilities) {
  double total = 0;
  for (Eigen::Index row = 0; row < probabilities.rows(); ++row)
    total += scorer.of_row(probabilities.row(row), labels[static_cast<std::size_t>(row)]);
  return total / static_cast<double>(probabilities.rows());
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(int classes)
    : classes_{classes}, counts_(static_cast<std::size_t>(classes * classes)) {}

ConfusionMatrix::ConfusionMatrix(Labels labels, Labels predictions, int classes)
    : ConfusionMatrix{classes} {
  assert(labels.size() == predictions.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    assert(labels[i] < classes && predictions[i] < classes);
    ++counts_[static_cast<std::size_t>(labels[i] * classes + predictions[i])];
  }
}

ConfusionMatrix ConfusionMatrix::from_counts(std::vector<std::int64_t> counts) {
  auto const classes = std::lround(std::sqrt(static_cast<double>(counts.size())));
  if (classes * classes != std::ssize(counts))
    throw DataError{"confusion matrix: " + std::to_string(counts.size()) +
                    " counts are not those of a square; the record is damaged"};
  ConfusionMatrix matrix{static_cast<int>(classes)};
  matrix.counts_ = std::move(counts);
  return matrix;
}

ConfusionMatrix& ConfusionMatrix::operator+=(ConfusionMatrix const& other) {
  assert(classes_ == other.classes_);
  std::ranges::transform(counts_, other.counts_, counts_.begin(), std::plus<>{});
  return *this;
}

std::int64_t ConfusionMatrix::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

std::int64_t ConfusionMatrix::correct() const {
  std::int64_t sum = 0;
  for (int c = 0; c < classes_; ++c) sum += (*this)(c, c);
  return sum;
}

std::int64_t ConfusionMatrix::of_class(int truth) const {
  std::int64_t sum = 0;
  for (int c = 0; c < classes_; ++c) sum += (*this)(truth, c);
  return sum;
}

std::int64_t ConfusionMatrix::predicted_as(int predicted) const {
  std::int64_t sum = 0;
  for (int c = 0; c < classes_; ++c) sum += (*this)(c, predicted);
  return sum;
}

std::vector<double> ConfusionMatrix::recall() const {
  std::vector<double> recall;
  for (int c = 0; c < classes_; ++c) {
    auto const rows = of_class(c);
    recall.push_back(rows == 0 ? std::numeric_limits<double>::quiet_NaN()
                               : static_cast<double>((*this)(c, c)) / static_cast<double>(rows));
  }
  return recall;
}

std::vector<std::uint16_t> predicted_classes(Eigen::MatrixXd const& probabilities) {
  std::vector<std::uint16_t> classes(static_cast<std::size_t>(probabilities.rows()));
  for (std::size_t i = 0; i < classes.size(); ++i) {
    auto const row = probabilities.row(static_cast<Eigen::Index>(i));
    Eigen::Index best = 0;
    for (Eigen::Index c = 1; c < row.size(); ++c)
      if (row(c) > row(best)) best = c;
    classes[i] = static_cast<std::uint16_t>(best);
  }
  return classes;
}

ClassTally ClassTally::of(ConfusionMatrix const& counts) {
  ClassTally tally;
  for (int c = 0; c < counts.classes(); ++c) {
    tally.rows.push_back(counts.of_class(c));
    tally.predicted.push_back(counts.predicted_as(c));
    tally.right.push_back(counts(c, c));
  }
  return tally;
}

std::vector<std::string> scoring_names() {
  std::vector<std::string> names;
  for (auto const& scorer : scorers) names.emplace_back(scorer.name);
  return names;
}

Scorer const& scorer(std::string_view scoring) {
  auto const found = std::ranges::find(scorers, scoring, &Scorer::name);
  if (found == scorers.end())
    throw UserError{"no such scoring '" + std::string{scoring} + "'" +
                    text::did_you_mean(scoring, scoring_names()) +
                    ", known are: " + text::join(scoring_names(), ", ")};
  return *found;
}

double score(std::string_view scoring, Labels labels, Eigen::MatrixXd const& probabilities) {
  auto const& found = scorer(scoring);
  assert(!labels.empty() && std::ssize(labels) == probabilities.rows());
  if (found.needs == Scorer::Needs::probabilities)
    return mean_over_rows(found, labels, probabilities);
  return found.of_counts(ClassTally::of(
      {labels, predicted_classes(probabilities), static_cast<int>(probabilities.cols())}));
}

}  // namespace canopy::data
