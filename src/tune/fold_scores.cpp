#include "fold_scores.hpp"

#include "canopy/data/metrics.hpp"

namespace canopy::tune {
namespace {

std::vector<std::uint64_t> right_rows(std::span<std::uint16_t const> truth,
                                      std::span<std::uint16_t const> predictions) {
  std::vector<std::uint64_t> right((truth.size() + 63) / 64);
  for (std::size_t i = 0; i < truth.size(); ++i)
    right[i / 64] |= std::uint64_t{truth[i] == predictions[i]} << i % 64;
  return right;
}

}  // namespace

void score_rows(LearnerData const& data, data::Rows const& rows,
                Eigen::MatrixXd const& probabilities, FoldScore& result) {
  std::vector<std::uint16_t> truth;
  for (auto const row : rows) truth.push_back(data.labels()[row]);
  result.score = data::score(data.scoring, truth, probabilities);
  auto const predictions = data::predicted_classes(probabilities);
  result.confusion = data::ConfusionMatrix{truth, predictions, data.classes()}.counts();
  result.right = right_rows(truth, predictions);
}

}  // namespace canopy::tune
