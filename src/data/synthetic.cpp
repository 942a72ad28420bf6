#include "synthetic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "canopy/core/error.hpp"

#include "columns.hpp"

namespace canopy::data {
namespace {

constexpr int cover_types = 7;
constexpr int wilderness_areas = 4;
constexpr int soil_types = 40;

/// Where a cover type grows; after the means of the real data, distances in metres.
struct Habitat {
  double elevation;
  double elevation_spread;
  double slope;      ///< degrees
  double hydrology;  ///< horizontal distance to water
  double roadways;
  double fire_points;
  std::array<int, wilderness_areas> areas;  ///< percent
  std::array<int, 6> soils;                 ///< numbers from 1, each half as likely as the last
};

constexpr std::array<Habitat, cover_types> habitats{{
    {3128, 90, 13, 270, 2600, 2000, {50, 8, 42, 0}, {29, 23, 22, 24, 31, 32}},
    {2922, 100, 13, 285, 2400, 2150, {52, 3, 45, 0}, {29, 30, 32, 33, 23, 12}},
    {2394, 110, 21, 210, 950, 910, {0, 0, 40, 60}, {10, 4, 6, 2, 1, 13}},
    {2223, 75, 18, 105, 915, 860, {0, 0, 0, 100}, {3, 10, 5, 17, 1, 6}},
    {2786, 75, 16, 210, 1350, 1530, {40, 0, 60, 0}, {30, 13, 29, 18, 11, 26}},
    {2419, 120, 19, 160, 1040, 1055, {0, 0, 45, 55}, {10, 2, 17, 1, 11, 5}},
    {3362, 85, 14, 355, 2740, 2070, {35, 11, 54, 0}, {40, 39, 38, 35, 29, 22}},
}};

/// Rows 7b .. 7b+6 hold the classes in an order of their own.
int cover_type_of(std::int64_t row, Key key) {
  std::array<int, cover_types> order{};
  std::iota(order.begin(), order.end(), 0);
  auto const seven = static_cast<std::uint64_t>(row / cover_types);
  Stream{key.with("cover type").with(seven)}.shuffle(std::span<int>{order});
  return order[static_cast<std::size_t>(row % cover_types)];
}

/// A distance: never negative, often near, now and then far.
double distance(Stream& random, double mean) {
  constexpr double shape = 0.6;
  return mean * std::exp(shape * random.normal() - shape * shape / 2);
}

int area_of(Stream& random, Habitat const& habitat) {
  auto left = static_cast<int>(random.below(100));
  int area = 0;
  while (left >= habitat.areas[static_cast<std::size_t>(area)])
    left -= habitat.areas[static_cast<std::size_t>(area++)];
  return area;
}

int soil_of(Stream& random, Habitat const& habitat) {
  if (random.uniform() < 0.1) return static_cast<int>(random.below(soil_types));
  std::size_t choice = 0;
  while (choice + 1 < habitat.soils.size() && random.uniform() < 0.5) ++choice;
  return habitat.soils[choice] - 1;
}

/// Light on a slope, 0..255, with the sun in the direction and at the height given in degrees.
double hillshade(double aspect, double slope, double sun_direction, double sun_height) {
  constexpr double degree = std::numbers::pi / 180;
  auto const light = std::sin(sun_height * degree) * std::cos(slope * degree) +
                     std::cos(sun_height * degree) * std::sin(slope * degree) *
                         std::cos((sun_direction - aspect) * degree);
  return std::clamp(255 * light, 0.0, 255.0);
}

using Row = Eigen::RowVectorXf;

Row cover_row(Stream random, Habitat const& habitat) {
  auto const aspect = random.uniform(0, 360);
  auto const slope = std::clamp(habitat.slope + 7 * random.normal(), 0.0, 52.0);
  auto const water = distance(random, habitat.hydrology);
  std::array const terrain{
      habitat.elevation + habitat.elevation_spread * random.normal(),
      aspect,
      slope,
      water,
      water * 0.2 * (1 + random.normal()),
      std::min(distance(random, habitat.roadways), 7000.0),
      hillshade(aspect, slope, 110, 50),
      hillshade(aspect, slope, 180, 65),
      hillshade(aspect, slope, 250, 35),
      std::min(distance(random, habitat.fire_points), 7000.0),
  };
  Row row = Row::Zero(static_cast<Eigen::Index>(terrain.size()) + wilderness_areas + soil_types);
  for (std::size_t i = 0; i < terrain.size(); ++i)
    row(static_cast<Eigen::Index>(i)) = static_cast<float>(std::round(terrain[i]));
  auto const first_area = static_cast<Eigen::Index>(terrain.size());
  row(first_area + area_of(random, habitat)) = 1;
  row(first_area + wilderness_areas + soil_of(random, habitat)) = 1;
  return row;
}

void check_rows(std::int64_t rows) {
  if (rows < 1 || rows >= std::numeric_limits<std::uint32_t>::max())
    throw UserError{"synthetic data: rows is " + std::to_string(rows) +
                    ", expected at least 1 and less than 2^32 - 1"};
}

Dataset empty_table(std::string name, std::int64_t rows, std::vector<std::string> feature_names) {
  Dataset set;
  set.name = std::move(name);
  set.features.resize(rows, std::ssize(feature_names));
  set.feature_names = std::move(feature_names);
  set.labels.resize(static_cast<std::size_t>(rows));
  return set;
}

constexpr int side = 28;
constexpr int digits = 10;

struct Point {
  double x;
  double y;
};

/// A straight stroke in a frame of width and height 1.
struct Stroke {
  Point from;
  Point to;
};

constexpr std::array<Stroke, 7> segments{{
    {{0, 0}, {1, 0}},      // a: top
    {{1, 0}, {1, 0.5}},    // b: upper right
    {{1, 0.5}, {1, 1}},    // c: lower right
    {{0, 1}, {1, 1}},      // d: bottom
    {{0, 0.5}, {0, 1}},    // e: lower left
    {{0, 0}, {0, 0.5}},    // f: upper left
    {{0, 0.5}, {1, 0.5}},  // g: middle
}};

/// Which segments a digit lights; bit 0 is a, bit 6 is g.
constexpr std::array<unsigned, digits> lit{0b0111111, 0b0000110, 0b1011011, 0b1001111, 0b1100110,
                                           0b1101101, 0b1111101, 0b0000111, 0b1111111, 0b1101111};

/// How one digit comes out on paper, in pixels.
struct Hand {
  double width;
  double height;
  double slant;
  Point middle;
  double thickness;
  double brightness;

  explicit Hand(Stream& random)
      : width{random.uniform(8, 13)},
        height{random.uniform(15, 20)},
        slant{random.uniform(-0.3, 0.3)},
        middle{13.5 + random.uniform(-2.5, 2.5), 13.5 + random.uniform(-2.5, 2.5)},
        thickness{random.uniform(1, 2)},
        brightness{random.uniform(150, 255)} {}

  /// A corner of the frame on paper, missed by a little.
  Point place(Point p, Stream& random) const {
    auto const up = 0.5 - p.y;
    return {middle.x + (p.x - 0.5) * width + up * height * slant + 0.6 * random.normal(),
            middle.y - up * height + 0.6 * random.normal()};
  }
};

double distance_to(Stroke const& stroke, Point p) {
  auto const dx = stroke.to.x - stroke.from.x;
  auto const dy = stroke.to.y - stroke.from.y;
  auto const length2 = std::max(dx * dx + dy * dy, 1e-9);
  auto const along =
      std::clamp(((p.x - stroke.from.x) * dx + (p.y - stroke.from.y) * dy) / length2, 0.0, 1.0);
  return std::hypot(p.x - stroke.from.x - along * dx, p.y - stroke.from.y - along * dy);
}

/// First and last pixel, of those that there are, within `reach` of both numbers or between them.
std::pair<int, int> pixels_near(double a, double b, double reach) {
  return {std::max(0, static_cast<int>(std::floor(std::min(a, b) - reach))),
          std::min(side - 1, static_cast<int>(std::ceil(std::max(a, b) + reach)))};
}

/// By pixel, how far the nearest stroke is: exact within `reach`, elsewhere no less than that.
std::array<double, side * side> distances(std::vector<Stroke> const& strokes, double reach) {
  std::array<double, side * side> nearest;
  nearest.fill(2.0 * side);
  for (auto const& stroke : strokes) {
    auto const [left, right] = pixels_near(stroke.from.x, stroke.to.x, reach);
    auto const [top, bottom] = pixels_near(stroke.from.y, stroke.to.y, reach);
    for (int y = top; y <= bottom; ++y)
      for (int x = left; x <= right; ++x) {
        auto& least = nearest[static_cast<std::size_t>(y * side + x)];
        least =
            std::min(least, distance_to(stroke, {static_cast<double>(x), static_cast<double>(y)}));
      }
  }
  return nearest;
}

std::vector<Stroke> strokes_of(int digit, Hand const& hand, Stream& random) {
  std::vector<Stroke> strokes;
  for (std::size_t s = 0; s < segments.size(); ++s) {
    if ((lit[static_cast<std::size_t>(digit)] >> s & 1u) == 0) continue;
    auto const from = hand.place(segments[s].from, random);
    strokes.push_back({from, hand.place(segments[s].to, random)});
  }
  return strokes;
}

Row image_of(int digit, Stream random) {
  Hand const hand{random};
  auto const reach = hand.thickness + 0.5;
  auto const nearest = distances(strokes_of(digit, hand, random), reach);
  Row image(side * side);
  for (int i = 0; i < side * side; ++i) {
    auto const ink =
        hand.brightness * std::clamp(reach - nearest[static_cast<std::size_t>(i)], 0.0, 1.0);
    auto const speck = random.below(50) == 0 ? random.uniform(0, 120) : 0.0;
    image(i) = static_cast<float>(std::round(std::min(ink + speck, 255.0)));
  }
  return image;
}

Dataset images(std::string name, std::int64_t rows, Key key) {
  std::vector<std::string> names;
  for (int i = 0; i < side * side; ++i) names.push_back("pixel" + std::to_string(i));
  auto set = empty_table(std::move(name), rows, std::move(names));
  set.label_name = "label";
  set.image = SampleShape{1, side, side};
  for (int digit = 0; digit < digits; ++digit) set.class_names.push_back(std::to_string(digit));
  // Columns are far apart in memory: some rows together fill a cache line of each.
  Eigen::Matrix<float, 16, side * side, Eigen::RowMajor> some;
  for (std::int64_t i = 0; i < rows; ++i) {
    Stream random{key.with(static_cast<std::uint64_t>(i))};
    auto const digit = random.below(digits);
    set.labels[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(digit);
    some.row(i % some.rows()) = image_of(static_cast<int>(digit), random);
    if (auto const n = i % some.rows() + 1; n == some.rows() || i + 1 == rows)
      set.features.middleRows(i + 1 - n, n) = some.topRows(n);
  }
  return set;
}

}  // namespace

Dataset synthetic_forest_cover(std::int64_t rows, Key key) {
  check_rows(rows);
  auto names = forest_cover_names();
  names.pop_back();  // the label
  auto set = empty_table("synthetic:forest-cover", rows, std::move(names));
  set.label_name = "Cover_Type";
  for (int type = 1; type <= cover_types; ++type) set.class_names.push_back(std::to_string(type));
  for (std::int64_t i = 0; i < rows; ++i) {
    auto const type = cover_type_of(i, key);
    Stream const random{key.with("row").with(static_cast<std::uint64_t>(i))};
    set.labels[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(type);
    set.features.row(i) = cover_row(random, habitats[static_cast<std::size_t>(type)]);
  }
  return set;
}

std::pair<Dataset, Dataset> synthetic_mnist(std::int64_t rows, Key key) {
  check_rows(rows);
  return {images("synthetic:mnist", rows, key.with("train")),
          images("synthetic:mnist", rows / 5, key.with("test"))};
}

}  // namespace canopy::data
