#include "samplers/lesson.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace canopy::tune {
namespace {

/// All of it is most.
int rank(int resource) {
  return resource == 0 ? std::numeric_limits<int>::max() : resource;
}

/// The least resource that is taught.
int least_rank(History const& history, std::size_t enough) {
  std::vector<int> ranks;
  for (auto const& entry : history.entries())
    if (entry.score) ranks.push_back(rank(entry.resource));
  std::ranges::sort(ranks, std::greater{});
  return ranks.empty() ? 0 : ranks[std::min(std::max<std::size_t>(enough, 1), ranks.size()) - 1];
}

void standardise(std::vector<double>& scores) {
  double largest = 0;
  for (double const score : scores) largest = std::max(largest, std::abs(score));
  if (largest == 0) return;
  for (double& score : scores) score /= largest;  // so that no square is too large
  auto const n = static_cast<double>(scores.size());
  auto const mean = std::accumulate(scores.begin(), scores.end(), 0.0) / n;
  double square = 0;
  for (double& score : scores) score -= mean, square += score * score;
  auto const deviation = std::sqrt(square / n);
  for (double& score : scores) score = deviation > 1e-12 ? score / deviation : 0;
}

}  // namespace

double Lesson::best() const {
  return *std::ranges::max_element(scores);
}

Lesson lesson(History const& history, std::size_t enough) {
  auto const least = least_rank(history, enough);
  Lesson result;
  std::vector<std::size_t> failed;
  auto worst = std::numeric_limits<double>::infinity();
  for (auto const& [point, score, has_failed, resource] : history.entries()) {
    if (!score && !has_failed) {
      result.pending.push_back(point);
      continue;
    }
    if (score && rank(resource) < least) continue;
    if (score) worst = std::min(worst, *score);
    if (!score) failed.push_back(result.points.size());
    result.points.push_back(point);
    result.scores.push_back(score.value_or(0));
  }
  for (auto const i : failed) result.scores[i] = std::isfinite(worst) ? worst : 0;
  standardise(result.scores);
  return result;
}

Lesson representative(Lesson lesson, std::size_t most) {
  auto const n = lesson.points.size();
  if (n <= most) return lesson;
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return lesson.scores[i]; });
  auto const best = most / 2;
  std::ranges::sort(order.begin() + static_cast<std::ptrdiff_t>(best), order.end());
  for (auto i = best; i < most; ++i)  // at least one apart, so none comes twice
    order[i] = order[best + (i - best) * (n - best) / (most - best)];
  order.resize(most);
  std::ranges::sort(order);
  Lesson result;
  for (auto const i : order) {
    result.points.push_back(std::move(lesson.points[i]));
    result.scores.push_back(lesson.scores[i]);
  }
  result.pending = std::move(lesson.pending);
  return result;
}

}  // namespace canopy::tune
