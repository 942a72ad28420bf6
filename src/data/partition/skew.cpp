#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

#include "canopy/data/partition.hpp"

namespace canopy::data {
namespace {

/// One channel of an image; 0 outside.
struct Plane {
  std::span<float const> pixels;
  int height;
  int width;

  double at(int y, int x) const {
    if (y < 0 || y >= height || x < 0 || x >= width) return 0;
    return pixels[static_cast<std::size_t>(y * width + x)];
  }

  double between(double y, double x) const {
    auto const top = static_cast<int>(std::floor(y));
    auto const left = static_cast<int>(std::floor(x));
    auto const down = y - top;
    auto const right = x - left;
    return (1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1)) +
           down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1));
  }
};

/// Turns what the plane shows anticlockwise (y grows downwards); `turned` is of its size.
void turn(Plane const& plane, double cosine, double sine, std::span<float> turned) {
  auto const middle_y = (plane.height - 1) / 2.0;
  auto const middle_x = (plane.width - 1) / 2.0;
  auto to = turned.begin();
  for (int y = 0; y < plane.height; ++y)
    for (int x = 0; x < plane.width; ++x) {
      auto const dy = y - middle_y;
      auto const dx = x - middle_x;
      *to++ = static_cast<float>(
          plane.between(middle_y + dx * sine + dy * cosine, middle_x + dx * cosine - dy * sine));
    }
}

double angle_of(double most, int client, int clients) {
  if (clients == 1) return 0;
  return most * (2.0 * client / (clients - 1) - 1);
}

void turn_images(std::span<float> values, SampleShape const& shape, double degrees) {
  auto const radians = degrees * std::numbers::pi / 180;
  auto const cosine = std::cos(radians);
  auto const sine = std::sin(radians);
  auto const size = static_cast<std::size_t>(shape.height * shape.width);
  std::vector<float> before(size);
  for (std::size_t first = 0; first < values.size(); first += size) {
    auto const plane = values.subspan(first, size);
    std::ranges::copy(plane, before.begin());
    turn({before, shape.height, shape.width}, cosine, sine, plane);
  }
}

void add_noise(std::span<float> row, double deviation, std::span<double const> units, Key key) {
  Stream stream{key};
  auto const per_unit = units.empty() ? row.size() : row.size() / units.size();
  for (std::size_t i = 0; i < row.size(); ++i) {
    auto const unit = units.empty() ? 1.0 : units[i / per_unit];
    row[i] = static_cast<float>(row[i] + deviation * unit * stream.normal());
  }
}

}  // namespace

std::uint16_t noisy_label(PartitionOptions const& options, std::uint16_t label, int classes,
                          RowIndex row, Key key) {
  if (options.label_noise == 0 || classes < 2) return label;
  Stream stream{key.with("label noise").with(row)};
  if (stream.uniform() >= options.label_noise) return label;
  auto const other = stream.below(static_cast<std::uint32_t>(classes - 1));
  return static_cast<std::uint16_t>(other < label ? other : other + 1);
}

void skew_features(PartitionOptions const& options, ClientCopies copies,
                   std::optional<SampleShape> const& image, std::span<double const> units,
                   Key key) {
  options.check_image(image);
  if (copies.rows.empty()) return;
  auto const columns = copies.values.size() / copies.rows.size();
  assert(columns * copies.rows.size() == copies.values.size());
  assert(!image || std::cmp_equal(columns, image->size()));
  assert(units.empty() || columns % units.size() == 0);
  auto const degrees = angle_of(options.feature_rotation, copies.client, copies.clients);
  if (degrees != 0) turn_images(copies.values, *image, degrees);
  if (options.feature_noise == 0) return;
  auto const deviation = options.feature_noise * (copies.client + 1) / copies.clients;
  auto const of_client = key.with("feature noise").with(static_cast<std::uint64_t>(copies.client));
  for (std::size_t i = 0; i < copies.rows.size(); ++i)
    add_noise(copies.values.subspan(i * columns, columns), deviation, units,
              of_client.with(copies.rows[i]));
}

}  // namespace canopy::data
