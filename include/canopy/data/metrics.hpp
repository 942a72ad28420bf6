#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

namespace canopy::data {

/// How often each class was taken for each: row = true class, column = predicted class.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int classes);
  /// One count per row of data; both lists are equally long and below `classes`.
  ConfusionMatrix(std::span<std::uint16_t const> labels, std::span<std::uint16_t const> predictions,
                  int classes);
  /// From what `counts()` gave. Throws DataError unless there are classes^2 of them.
  static ConfusionMatrix from_counts(std::vector<std::int64_t> counts);

  int classes() const { return classes_; }
  std::int64_t operator()(int truth, int predicted) const {
    return counts_[static_cast<std::size_t>(truth * classes_ + predicted)];
  }
  /// Row after row.
  std::vector<std::int64_t> const& counts() const { return counts_; }

  /// As if both had been counted together; for parts of one data set, of equally many classes.
  ConfusionMatrix& operator+=(ConfusionMatrix const& other);
  friend ConfusionMatrix operator+(ConfusionMatrix a, ConfusionMatrix const& b) { return a += b; }
  friend bool operator==(ConfusionMatrix const&, ConfusionMatrix const&) = default;

  std::int64_t total() const;
  std::int64_t correct() const;
  /// The share of rows that was recognised.
  double accuracy() const { return static_cast<double>(correct()) / static_cast<double>(total()); }
  std::int64_t of_class(int truth) const;          ///< rows that are of this class
  std::int64_t predicted_as(int predicted) const;  ///< rows that were taken for this class
  /// The share of each class's rows that was recognised; NaN for a class without rows.
  std::vector<double> recall() const;

 private:
  int classes_;
  std::vector<std::int64_t> counts_;  ///< classes x classes
};

/// The class of highest probability in each row; the first of equals. `probabilities`: rows x
/// classes.
std::vector<std::uint16_t> predicted_classes(Eigen::MatrixXd const& probabilities);

/// Predictions counted by class; one entry per class in each list, or a single one for all.
struct ClassTally {
  std::vector<std::int64_t> rows;       ///< rows that are of this class
  std::vector<std::int64_t> predicted;  ///< rows that were taken for this class
  std::vector<std::int64_t> right;      ///< rows that are of this class and were taken for it

  static ClassTally of(ConfusionMatrix const& counts);
};

/// The probabilities of one row, one for each class.
using RowOfProbabilities = Eigen::Ref<Eigen::RowVectorXd const, 0, Eigen::InnerStride<>>;

/// How a score comes about, for those who count predictions themselves. Either it is a function of
/// counts, or it is the mean over rows, summed in their order, of a function of one row.
struct Scorer {
  enum class Needs { right_rows, class_counts, probabilities };

  std::string_view name;
  Needs needs;
  /// Null for probabilities; right_rows: a tally over all classes together will do.
  double (*of_counts)(ClassTally const&);
  double (*of_row)(RowOfProbabilities const&, std::uint16_t label);  ///< null for counts
};

/// UserError for an unknown name.
Scorer const& scorer(std::string_view scoring);

/// The names that `score` knows; scikit-learn's for its `scoring`.
std::vector<std::string> scoring_names();

/// One number for a prediction, higher is better, by scikit-learn 1.2's definitions of the name.
/// `probabilities`: rows x classes, at least one row, one label per row. UserError for an unknown
/// name.
double score(std::string_view scoring, std::span<std::uint16_t const> labels,
             Eigen::MatrixXd const& probabilities);

}  // namespace canopy::data
