#include "canopy/tune/importances.hpp"

#include <algorithm>
#include <cmath>

#include "samplers/lesson.hpp"
#include "score_forest.hpp"

namespace canopy::tune {
namespace {

/// A leaf: its part of the cube of coordinates, which has volume 1, and the score there.
struct Box {
  std::vector<double> low;
  std::vector<double> high;
  double value = 0;

  double volume() const {
    double product = 1;
    for (std::size_t d = 0; d < low.size(); ++d) product *= high[d] - low[d];
    return product;
  }
};

/// Where a split at coordinate u parts the values of a parameter: words and integers are not cut.
double border(Parameter const& parameter, double u) {
  auto const parts = static_cast<double>(parameter.parts());
  auto const part = std::min(std::floor(u * parts), parts - 1);
  auto const within = u * parts - part;
  auto const is_word = static_cast<std::size_t>(part) < parameter.values.size();
  auto const [low, high] = is_word ? std::pair{0.0, 1.0} : parameter.cell(within);
  return (part + (within < (low + high) / 2 ? low : high)) / parts;
}

std::vector<Box> boxes(ScoreForest::Tree const& tree, Space const& space) {
  auto const dimensions = space.searched().size();
  std::vector<Box> found;
  std::vector<std::pair<std::size_t, Box>> open;
  open.push_back({0, {std::vector(dimensions, 0.0), std::vector(dimensions, 1.0)}});
  while (!open.empty()) {
    auto [number, box] = std::move(open.back());
    open.pop_back();
    auto const& node = tree.nodes[number];
    if (node.is_leaf()) {
      box.value = tree.mean[number];
      found.push_back(std::move(box));
      continue;
    }
    auto const d = static_cast<std::size_t>(node.feature);
    auto const at =
        std::clamp(border(space.searched()[d], node.threshold), box.low[d], box.high[d]);
    auto right = box;
    right.low[d] = box.high[d] = at;
    open.emplace_back(static_cast<std::size_t>(node.left), std::move(box));
    open.emplace_back(static_cast<std::size_t>(node.right), std::move(right));
  }
  std::erase_if(found, [](Box const& box) { return box.volume() == 0; });
  return found;
}

/// The ends of boxes along one dimension, ascending: between two neighbours a tree is constant.
struct Axis {
  std::vector<double> ends;

  Axis(std::vector<Box> const& boxes, std::size_t d) {
    for (auto const& box : boxes) ends.push_back(box.low[d]);
    ends.push_back(1);
    std::ranges::sort(ends);
    auto const [first, last] = std::ranges::unique(ends);
    ends.erase(first, last);
  }
  std::size_t cells() const { return ends.size() - 1; }
  double width(std::size_t cell) const { return ends[cell + 1] - ends[cell]; }
  std::size_t place(double end) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(ends, end) - ends.begin());
  }
};

/// One tree, taken apart.
class Decomposition {
 public:
  Decomposition(ScoreForest::Tree const& tree, Space const& space) : boxes_{boxes(tree, space)} {
    for (std::size_t d = 0; d < space.searched().size(); ++d) axes_.emplace_back(boxes_, d);
    for (auto const& box : boxes_) mean_ += box.volume() * box.value;
    for (auto const& box : boxes_)
      variance_ += box.volume() * (box.value - mean_) * (box.value - mean_);
  }

  double variance() const { return variance_; }

  /// Variance of the mean over all dimensions but d, a function of d.
  double of(std::size_t d) const {
    auto const& axis = axes_[d];
    std::vector<double> change(axis.cells() + 1);  // from cell to cell
    for (auto const& box : boxes_) {
      auto const share = box.value * box.volume() / (box.high[d] - box.low[d]);
      change[axis.place(box.low[d])] += share;
      change[axis.place(box.high[d])] -= share;
    }
    double sum = 0;
    double at = 0;
    for (std::size_t i = 0; i < axis.cells(); ++i) {
      at += change[i];
      sum += axis.width(i) * (at - mean_) * (at - mean_);
    }
    return sum;
  }

  /// The same as a function of d and e, what each does alone included.
  double of(std::size_t d, std::size_t e) const {
    auto const& rows = axes_[d];
    auto const& columns = axes_[e];
    auto const stride = columns.cells() + 1;
    std::vector<double> change((rows.cells() + 1) * stride);
    for (auto const& box : boxes_) {
      auto const share =
          box.value * box.volume() / ((box.high[d] - box.low[d]) * (box.high[e] - box.low[e]));
      auto const top = rows.place(box.low[d]) * stride;
      auto const bottom = rows.place(box.high[d]) * stride;
      auto const left = columns.place(box.low[e]);
      auto const right = columns.place(box.high[e]);
      change[top + left] += share;
      change[top + right] -= share;
      change[bottom + left] -= share;
      change[bottom + right] += share;
    }
    double sum = 0;
    std::vector<double> above(stride);
    for (std::size_t i = 0; i < rows.cells(); ++i) {
      double at = 0;
      for (std::size_t j = 0; j < columns.cells(); ++j) {
        above[j] += change[i * stride + j];
        at += above[j];
        sum += rows.width(i) * columns.width(j) * (at - mean_) * (at - mean_);
      }
    }
    return sum;
  }

 private:
  std::vector<Box> boxes_;
  std::vector<Axis> axes_;
  double mean_ = 0;
  double variance_ = 0;
};

/// Adds one tree's share to sums of it and of its square.
void add(Importance& importance, double share) {
  importance.share += share;
  importance.deviation += share * share;
}

}  // namespace

std::vector<Importance> importances(Space const& space, std::span<Observation const> trials,
                                    Key key, int trees) {
  auto const& searched = space.searched();
  std::vector<Importance> alone;
  std::vector<Importance> pairs;
  for (auto const& one : searched) alone.push_back({one.name, {}});
  for (std::size_t d = 0; d < searched.size(); ++d)
    for (std::size_t e = d + 1; e < searched.size(); ++e)
      pairs.push_back({searched[d].name, searched[e].name});

  Encoding const encoding{space};
  auto const taught = lesson(History{encoding, trials}, searched.size() + 1);
  std::vector<std::vector<double>> coordinates;
  for (auto const& point : taught.points) coordinates.push_back(encoding.coordinates(point));
  if (coordinates.empty() || searched.empty()) trees = 0;
  ScoreForest const forest{coordinates, taught.scores, trees, key};
  for (auto const& tree : forest.trees()) {
    Decomposition const parts{tree, space};
    if (!(parts.variance() > 0)) continue;
    std::vector<double> shares;
    for (std::size_t d = 0; d < searched.size(); ++d) {
      shares.push_back(parts.of(d) / parts.variance());
      add(alone[d], shares[d]);
    }
    auto pair = pairs.begin();
    for (std::size_t d = 0; d < searched.size(); ++d)
      for (std::size_t e = d + 1; e < searched.size(); ++e)
        add(*pair++, parts.of(d, e) / parts.variance() - shares[d] - shares[e]);
  }
  alone.insert(alone.end(), pairs.begin(), pairs.end());
  auto const count = std::max(1, trees);
  for (auto& each : alone) {
    each.share /= count;
    each.deviation = std::sqrt(std::max(0.0, each.deviation / count - each.share * each.share));
  }
  std::ranges::stable_sort(alone.begin() + std::ssize(searched), alone.end(), std::greater{},
                           &Importance::share);
  return alone;
}

Table importances_table(std::vector<Importance> const& importances) {
  Table table{"importances"};
  table.column("parameter", Table::Type::text)
      .column("with", Table::Type::text)
      .column("share", Table::Type::real)
      .column("std", Table::Type::real);
  for (auto const& each : importances)
    table.add({each.parameter, each.with, each.share, each.deviation});
  return table;
}

}  // namespace canopy::tune
