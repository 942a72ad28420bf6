#include <cmath>

#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/data/metrics.hpp"

namespace canopy::data {
namespace {

using Labels = std::vector<std::uint16_t>;

/// Ten rows, four classes; ties in rows 4 and 7, certain and wrong in 5, certain and right in 6.
Labels const labels{0, 1, 2, 3, 0, 1, 2, 0, 1, 0};

Eigen::MatrixXd probabilities() {
  Eigen::MatrixXd p(10, 4);
  p << 8, 4, 2, 2,  //
      4, 8, 2, 2,   //
      2, 2, 10, 2,  //
      10, 2, 2, 2,  //
      4, 4, 4, 4,   //
      16, 0, 0, 0,  //
      0, 0, 16, 0,  //
      6, 6, 2, 2,   //
      1, 13, 1, 1,  //
      2, 12, 1, 1;  //
  return p / 16;
}

/// Certain of the class given for each row.
Eigen::MatrixXd certain(Labels const& predictions, int classes) {
  Eigen::MatrixXd p = Eigen::MatrixXd::Zero(std::ssize(predictions), classes);
  for (std::size_t i = 0; i < predictions.size(); ++i)
    p(static_cast<Eigen::Index>(i), predictions[i]) = 1;
  return p;
}

// The expected numbers are scikit-learn 1.2.1's. With y = labels and p = probabilities from above,
//   from sklearn.metrics import *; q = p.argmax(1)
//   accuracy_score(y, q), balanced_accuracy_score(y, q), f1_score(y, q, average="macro"),
//   -log_loss(y, p), confusion_matrix(y, q), recall_score(y, q, average=None)
TEST(Metrics, ScoresAreThoseOfScikitLearn) {
  auto const p = probabilities();
  EXPECT_DOUBLE_EQ(score("accuracy", labels, p), 0.7);
  EXPECT_DOUBLE_EQ(score("balanced_accuracy", labels, p), 0.6041666666666666);
  EXPECT_DOUBLE_EQ(score("f1_macro", labels, p), 0.5833333333333333);
  EXPECT_DOUBLE_EQ(score("neg_log_loss", labels, p), -4.46335974417523);
}

TEST(Metrics, ConfusionAndRecallAreThoseOfScikitLearn) {
  ConfusionMatrix const matrix{labels, predicted_classes(probabilities()), 4};
  EXPECT_EQ(matrix.counts(), (std::vector<std::int64_t>{3, 1, 0, 0,  //
                                                        1, 2, 0, 0,  //
                                                        0, 0, 2, 0,  //
                                                        1, 0, 0, 0}));
  EXPECT_EQ(matrix.recall(), (std::vector<double>{0.75, 2.0 / 3, 1, 0}));
}

// balanced_accuracy_score([0,0,1,1], [0,2,1,1]), f1_score(..., average="macro")
TEST(Metrics, ClassWithoutRowsCountsOnlyWhenItIsPredicted) {
  Labels const truth{0, 0, 1, 1};
  auto const p = certain({0, 2, 1, 1}, 4);
  EXPECT_DOUBLE_EQ(score("balanced_accuracy", truth, p), 0.75);
  EXPECT_DOUBLE_EQ(score("f1_macro", truth, p), 0.5555555555555555);
}

// balanced_accuracy_score([0,0,1,2], [0,1,1,0]), f1_score(..., average="macro")
TEST(Metrics, ClassThatIsNeverPredictedCountsAsZero) {
  Labels const truth{0, 0, 1, 2};
  auto const p = certain({0, 1, 1, 0}, 3);
  EXPECT_DOUBLE_EQ(score("balanced_accuracy", truth, p), 0.5);
  EXPECT_DOUBLE_EQ(score("f1_macro", truth, p), 0.38888888888888884);
}

TEST(Metrics, PerfectPredictionHasTheBestScore) {
  auto const p = certain(labels, 4);
  for (auto const& name : scoring_names())
    EXPECT_NEAR(score(name, labels, p), name == "neg_log_loss" ? 0 : 1, 1e-14) << name;
}

TEST(Metrics, FirstOfEqualProbabilitiesIsPredicted) {
  Eigen::MatrixXd p(2, 3);
  p << 0.4, 0.4, 0.2,  //
      0.2, 0.4, 0.4;
  EXPECT_EQ(predicted_classes(p), (Labels{0, 1}));
}

TEST(Metrics, UnknownScoringNamesTheKnownOnes) {
  try {
    score("acuracy", labels, probabilities());
    FAIL();
  } catch (UserError const& error) {
    for (auto const& name : scoring_names())
      EXPECT_NE(std::string{error.what()}.find(name), std::string::npos) << error.what();
  }
}

TEST(ConfusionMatrix, PartsAddUpToTheWhole) {
  auto const predicted = predicted_classes(probabilities());
  auto const part = [&](std::size_t from, std::size_t count) {
    return ConfusionMatrix{std::span{labels}.subspan(from, count),
                           std::span{predicted}.subspan(from, count), 4};
  };
  EXPECT_EQ(part(0, 3) + part(3, 7), part(0, 10));
  EXPECT_EQ(part(0, 10) + ConfusionMatrix{4}, part(0, 10));
  EXPECT_NE(part(0, 3), part(0, 10));
}

TEST(ConfusionMatrix, SurvivesTheWayThroughNumbers) {
  ConfusionMatrix const matrix{labels, predicted_classes(probabilities()), 4};
  EXPECT_EQ(ConfusionMatrix::from_counts(matrix.counts()), matrix);
  EXPECT_THROW(ConfusionMatrix::from_counts({1, 2, 3}), DataError);
}

TEST(ConfusionMatrix, RowIsTheTruth) {
  ConfusionMatrix const matrix{Labels{0, 0}, Labels{1, 2}, 3};
  EXPECT_EQ(matrix(0, 1), 1);
  EXPECT_EQ(matrix(1, 0), 0);
  EXPECT_EQ(matrix.of_class(0), 2);
  EXPECT_EQ(matrix.predicted_as(2), 1);
  EXPECT_TRUE(std::isnan(matrix.recall()[1]));
}

}  // namespace
}  // namespace canopy::data
