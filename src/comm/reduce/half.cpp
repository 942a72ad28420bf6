#include "reduce/half.hpp"

#include <bit>

#ifdef __F16C__
#include <immintrin.h>
#endif

namespace canopy::comm {
namespace {

constexpr std::uint32_t float_infinity = 0x7f80'0000;
constexpr std::uint32_t half_infinity = 0x7c00;
constexpr std::uint32_t half_quiet_nan = 0x7e00;
/// The exponents' biases differ by 112; a half has 13 bits less of fraction.
constexpr std::uint32_t smallest_normal_half = 113u << 23;
constexpr std::uint32_t bias_difference = 112u << 23;
constexpr int dropped_bits = 13;

}  // namespace

std::uint16_t portable_half(float number) {
  auto const bits = std::bit_cast<std::uint32_t>(number);
  auto const sign = bits >> 16 & 0x8000u;
  auto const magnitude = bits & 0x7fff'ffffu;
  std::uint32_t half = 0;
  if (magnitude > float_infinity) {
    half = half_quiet_nan;
  } else if (magnitude < smallest_normal_half) {
    // Adding 0.5 brings the fraction to where a subnormal half has it, and the addition rounds.
    auto const shifted = std::bit_cast<float>(magnitude) + 0.5f;
    half = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5f);
  } else {
    auto const is_odd = magnitude >> dropped_bits & 1u;
    auto const rounded =
        magnitude + 0xfffu + is_odd;  // a carry goes into the exponent, as it should
    half = (rounded - bias_difference) >> dropped_bits;
    if (half > half_infinity) half = half_infinity;
  }
  return static_cast<std::uint16_t>(sign | half);
}

float portable_float(std::uint16_t half) {
  auto const sign = (half & 0x8000u) << 16;
  auto const magnitude = half & 0x7fffu;
  std::uint32_t bits = 0;
  if (magnitude >= half_infinity) {
    bits = float_infinity | (magnitude & 0x3ffu) << dropped_bits;
  } else if (magnitude >= 0x400u) {
    bits = (magnitude << dropped_bits) + bias_difference;
  } else {
    bits = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  }
  return std::bit_cast<float>(sign | bits);
}

void to_half(float const* from, std::uint16_t* to, std::size_t size) {
  std::size_t i = 0;
#ifdef __F16C__
  for (; i + 8 <= size; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
  for (; i < size; ++i) to[i] = portable_half(from[i]);
}

void from_half(std::uint16_t const* from, float* to, std::size_t size) {
  std::size_t i = 0;
#ifdef __F16C__
  for (; i + 8 <= size; i += 8)
    _mm256_storeu_ps(to + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<__m128i const*>(from + i))));
#endif
  for (; i < size; ++i) to[i] = portable_float(from[i]);
}

}  // namespace canopy::comm
