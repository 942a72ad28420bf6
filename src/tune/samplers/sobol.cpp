#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "samplers/makers.hpp"

namespace canopy::tune {
namespace {

/// Primitive polynomials (degree, coefficients) and initial direction numbers of dimensions 2, 3...
struct Direction {
  int degree;
  std::uint32_t coefficients;
  std::array<std::uint32_t, 7> initial;
};
constexpr std::array<Direction, sobol_dimensions - 1> directions{{
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
}};

/// The 32 direction numbers of one dimension (from 0), as binary fractions.
std::array<std::uint32_t, 32> direction_numbers(int dimension) {
  std::array<std::uint32_t, 32> v{};
  if (dimension == 0) {
    for (int i = 0; i < 32; ++i) v[static_cast<std::size_t>(i)] = 1u << (31 - i);
    return v;
  }
  auto const& [degree, coefficients, initial] = directions[static_cast<std::size_t>(dimension - 1)];
  auto const s = static_cast<std::size_t>(degree);
  for (std::size_t i = 0; i < s; ++i) v[i] = initial[i] << (31 - i);
  for (std::size_t i = s; i < 32; ++i) {
    v[i] = v[i - s] ^ (v[i - s] >> degree);
    for (std::size_t k = 1; k < s; ++k)
      if ((coefficients >> (s - 1 - k) & 1) != 0) v[i] ^= v[i - k];
  }
  return v;
}

/// Nested uniform (Owen) scrambling by hashing: each bit is flipped by a hash of the bits above it.
std::uint32_t scramble(std::uint32_t fraction, Key key) {
  std::uint32_t flips = 0;
  for (int bit = 31; bit >= 0; --bit) {
    auto const above = bit == 31 ? 0 : std::uint64_t{fraction >> (bit + 1)};
    auto const hash = key.with(above << 6 | static_cast<std::uint64_t>(bit)).value();
    flips |= static_cast<std::uint32_t>(hash & 1) << bit;
  }
  return fraction ^ flips;
}

class Sobol final : public Sampler {
 public:
  explicit Sobol(SamplerSettings const& settings)
      : space_{settings.space}, key_{settings.key.with("sobol")} {
    if (space_.searched().size() > sobol_dimensions)
      throw UserError{
          fmt::format("--search sobol knows {} dimensions and [space] searches {}; fix "
                      "some parameters or use --search random",
                      sobol_dimensions, space_.searched().size())};
  }

  std::optional<Configuration> propose(int index, std::span<Observation const>) const override {
    std::vector<double> point;
    for (int d = 0; d < static_cast<int>(space_.searched().size()); ++d) {
      auto const fraction = sobol(static_cast<std::uint32_t>(index), d);
      point.push_back(scramble(fraction, key_.with(static_cast<std::uint64_t>(d))) * 0x1p-32);
    }
    return space_.at(point);
  }

 private:
  Space space_;
  Key key_;
};

}  // namespace

std::uint32_t sobol(std::uint32_t index, int dimension) {
  auto const v = direction_numbers(dimension);
  auto const gray = index ^ (index >> 1);
  std::uint32_t fraction = 0;
  for (std::size_t bit = 0; bit < 32; ++bit)
    if ((gray >> bit & 1) != 0) fraction ^= v[bit];
  return fraction;
}

std::unique_ptr<Sampler> make_sobol(SamplerSettings const& settings) {
  return std::make_unique<Sobol>(settings);
}

}  // namespace canopy::tune
