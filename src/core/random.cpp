#include "canopy/core/random.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace canopy {
namespace {

constexpr std::array<std::uint32_t, 2> multipliers{0xD2511F53u, 0xCD9E8D57u};
constexpr std::array<std::uint32_t, 2> key_steps{0x9E3779B9u, 0xBB67AE85u};

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::uint64_t key) {
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    auto const p0 = std::uint64_t{multipliers[0]} * c[0];
    auto const p1 = std::uint64_t{multipliers[1]} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += key_steps[0];
    k1 += key_steps[1];
  }
  return c;
}

// The last counter word keeps derived keys apart from the numbers that a Stream hands out (0) and
// keys made from numbers (1) apart from keys made from words (2).
Key Key::with(std::uint64_t number) const {
  auto const r = philox(
      {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32), 0, 1}, value_);
  return Key{std::uint64_t{r[0]} << 32 | r[1]};
}

Key Key::with(std::string_view purpose) const {
  auto key = Key{value_};
  for (std::size_t at = 0; at == 0 || at < purpose.size(); at += 8) {
    std::array<std::uint32_t, 2> words{};
    for (std::size_t i = at; i < std::min(at + 8, purpose.size()); ++i)
      words[(i - at) / 4] |= std::uint32_t{static_cast<unsigned char>(purpose[i])} << 8 * (i % 4);
    auto const r =
        philox({words[0], words[1], static_cast<std::uint32_t>(purpose.size()), 2}, key.value_);
    key = Key{std::uint64_t{r[0]} << 32 | r[1]};
  }
  return key;
}

#if defined(__AVX2__)

/// Four blocks, each in 64-bit lanes of its own: a word is the lower half, the upper one is left as
/// it comes.
void Stream::refill() {
  auto const all = [](std::uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); };
  auto c0 = _mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(count_)),
                             _mm256_set_epi64x(3, 2, 1, 0));
  auto c1 = _mm256_srli_epi64(c0, 32);
  auto c2 = _mm256_setzero_si256();
  auto c3 = c2;
  auto k0 = all(static_cast<std::uint32_t>(key_));
  auto k1 = all(static_cast<std::uint32_t>(key_ >> 32));
  for (int round = 0; round < 10; ++round) {
    auto const p0 = _mm256_mul_epu32(all(multipliers[0]), c0);
    auto const p1 = _mm256_mul_epu32(all(multipliers[1]), c2);
    c0 = _mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(c1, k0));
    c1 = p1;
    c2 = _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(c3, k1));
    c3 = p0;
    k0 = _mm256_add_epi32(k0, all(key_steps[0]));
    k1 = _mm256_add_epi32(k1, all(key_steps[1]));
  }
  auto const joined = [](__m256i low, __m256i high) {
    return _mm256_blend_epi32(low, _mm256_slli_epi64(high, 32), 0b10101010);
  };
  auto const even = _mm256_unpacklo_epi64(joined(c0, c1), joined(c2, c3));  // blocks 0 and 2
  auto const odd = _mm256_unpackhi_epi64(joined(c0, c1), joined(c2, c3));
  auto* const to = reinterpret_cast<__m256i*>(words_.data());
  _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
  _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
  count_ += 4;
  filled_ = 16;
  used_ = 0;
}

#else

void Stream::refill() {
  auto const block = philox(
      {static_cast<std::uint32_t>(count_), static_cast<std::uint32_t>(count_ >> 32), 0, 0}, key_);
  std::ranges::copy(block, words_.begin());
  ++count_;
  filled_ = 4;
  used_ = 0;
}

#endif

double Stream::normal() {
  auto const radius = std::sqrt(-2 * std::log1p(-uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

}  // namespace canopy
