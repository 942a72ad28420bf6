#include "samplers/acquisition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace canopy::tune {
namespace {

constexpr int candidates = 512;
constexpr std::size_t starts = 5;        // of the pattern search, among candidates
constexpr std::size_t known_starts = 3;  // and among taught points
constexpr double first_step = 0.2;
constexpr double last_step = 0.2 / 256;

constexpr auto lowest = -std::numeric_limits<double>::infinity();

std::vector<Point> spread(Encoding const& encoding, Key key) {
  Stream stream{key};
  auto const dimensions = encoding.space().searched().size();
  std::vector<double> shift(dimensions);
  for (auto& u : shift) u = stream.uniform();
  std::vector<double> coordinates(dimensions);
  std::vector<Point> points;
  for (std::uint32_t i = 0; i < candidates; ++i) {
    for (std::size_t d = 0; d < dimensions; ++d) {
      auto const u = dimensions > sobol_dimensions
                         ? stream.uniform()
                         : sobol(i, static_cast<int>(d)) * 0x1p-32 + shift[d];
      coordinates[d] = u < 1 ? u : u - 1;
    }
    points.push_back(encoding.at(coordinates));
  }
  return points;
}

/// Numbers of the highest ones, best first.
std::vector<std::size_t> highest(std::vector<double> const& values, std::size_t count) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return values[i]; });
  order.resize(std::min(count, order.size()));
  return order;
}

/// Where a pattern search stands.
struct Climber {
  Point point;
  double value = lowest;
  double step = first_step;
};

/// A number wherever a change may switch a dimension on.
Point completed(Point point, Encoding const& encoding) {
  for (std::size_t d = 0; d < point.size(); ++d)
    if (std::isnan(point[d])) point[d] = encoding.dimensions()[d].is_choice() ? 0 : 0.5;
  return point;
}

std::vector<Point> neighbours(Climber const& climber, Encoding const& encoding) {
  auto const& at = climber.point;
  std::vector<Point> found;
  auto const add = [&](std::size_t d, double value) {
    auto next = completed(at, encoding);
    next[d] = value;
    next = encoding.settled(next);
    if (!same(next, at)) found.push_back(std::move(next));
  };
  for (std::size_t d = 0; d < at.size(); ++d) {
    if (std::isnan(at[d])) continue;
    if (auto const choices = encoding.dimensions()[d].choices; choices > 0) {
      for (int c = 0; c < choices; ++c) add(d, c);
    } else {
      auto const [low, high] = encoding.cell(d, at[d]);
      auto const step = std::max(climber.step, high - low);  // at least to the next integer
      add(d, std::max(0.0, at[d] - step));
      add(d, std::min(1.0, at[d] + step));
    }
  }
  return found;
}

/// The best point that may be proposed, of all that were asked of.
class Best {
 public:
  explicit Best(History const& history) : history_{history} {}
  void see(Point const& point, double value) {
    if (!(value > value_) || !history_.is_new(point)) return;
    value_ = value;
    point_ = point;
  }
  std::optional<Point> point() const { return point_; }

 private:
  History const& history_;
  double value_ = lowest;
  std::optional<Point> point_;
};

/// Asks of all neighbours of all climbers at once; each goes to its best one or steps shorter.
void climb(std::vector<Climber>& climbers, Encoding const& encoding, Acquisition const& acquisition,
           Best& best) {
  std::vector<Point> asked;
  std::vector<std::size_t> ends;
  for (auto const& climber : climbers) {
    for (auto& point : neighbours(climber, encoding)) asked.push_back(std::move(point));
    ends.push_back(asked.size());
  }
  auto const values = acquisition(asked);
  std::size_t next = 0;
  for (std::size_t c = 0; c < climbers.size(); ++c) {
    auto& climber = climbers[c];
    bool moved = false;
    for (; next < ends[c]; ++next) {
      best.see(asked[next], values[next]);
      if (!(values[next] > climber.value)) continue;
      climber.point = asked[next];
      climber.value = values[next];
      moved = true;
    }
    if (!moved) climber.step /= 2;
  }
  std::erase_if(climbers, [](Climber const& climber) { return climber.step < last_step; });
}

}  // namespace

double log_standard_improvement(double z) {
  constexpr auto log_root_two_pi = 0.9189385332046727;
  if (z > -25)
    return std::log(std::exp(-z * z / 2 - log_root_two_pi) +
                    z / 2 * std::erfc(-z / std::numbers::sqrt2));
  auto const s = 1 / (z * z);  // the tail's series
  auto const series = 1 - 3 * s * (1 - 5 * s * (1 - 7 * s * (1 - 9 * s * (1 - 11 * s))));
  return -z * z / 2 - log_root_two_pi + std::log(s * series);
}

double log_expected_improvement(double mean, double variance, double best) {
  auto const deviation = std::sqrt(variance + 1e-12);
  return log_standard_improvement((mean - best) / deviation) + std::log(deviation);
}

std::optional<Point> maximise(Encoding const& encoding, History const& history,
                              Lesson const& lesson, Acquisition const& acquisition, Key key) {
  Best best{history};
  auto const points = spread(encoding, key);
  auto const values = acquisition(points);
  for (std::size_t i = 0; i < points.size(); ++i) best.see(points[i], values[i]);
  std::vector<Climber> climbers;
  for (auto const i : highest(values, starts)) climbers.push_back({points[i], values[i]});
  std::vector<Point> known;
  for (auto const i : highest(lesson.scores, known_starts)) known.push_back(lesson.points[i]);
  auto const known_values = acquisition(known);
  for (std::size_t i = 0; i < known.size(); ++i) climbers.push_back({known[i], known_values[i]});
  for (int round = 0; round < 40 && !climbers.empty(); ++round)
    climb(climbers, encoding, acquisition, best);
  return best.point();
}

}  // namespace canopy::tune
