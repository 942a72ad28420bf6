#include "canopy/core/random.hpp"

#include <algorithm>
#include <bit>
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

namespace {

__m256i product(__m256i a, __m256i b) {
  return _mm256_mul_epu32(a, b);
}
__m256i sum(__m256i a, __m256i b) {
  return _mm256_add_epi32(a, b);
}
__m256i upper(__m256i words) {
  return _mm256_srli_epi64(words, 32);
}
__m256i joined(__m256i low, __m256i high) {
  return _mm256_blend_epi32(low, _mm256_slli_epi64(high, 32), 0b10101010);
}
__m256i like(__m256i, std::uint32_t word) {
  return _mm256_set1_epi32(static_cast<int>(word));
}

#if defined(__AVX512F__)
__m512i product(__m512i a, __m512i b) {
  return _mm512_maskz_mul_epu32(0xff, a, b);
}
__m512i sum(__m512i a, __m512i b) {
  return _mm512_add_epi32(a, b);
}
__m512i upper(__m512i words) {
  return _mm512_maskz_srli_epi64(0xff, words, 32);
}
__m512i joined(__m512i low, __m512i high) {
  return _mm512_mask_shuffle_epi32(low, 0b1010101010101010, high, _MM_PERM_CDAB);
}
__m512i like(__m512i, std::uint32_t word) {
  return _mm512_set1_epi32(static_cast<int>(word));
}
#endif

/// Blocks side by side, each word in a 64-bit lane of its own: the lower half, the upper one is
/// left as it comes.
template <class Vector>
struct Blocks {
  Vector w0, w1, w2, w3;

  /// Makes counters the words of their blocks.
  void encipher(std::uint64_t key) {
    auto k0 = like(w0, static_cast<std::uint32_t>(key));
    auto k1 = like(w0, static_cast<std::uint32_t>(key >> 32));
#pragma GCC unroll 1  // unrolled, it makes the steps anew in each round
    for (int round = 0; round < 10; ++round) {
      auto const p0 = product(w0, like(w0, multipliers[0]));
      auto const p1 = product(w2, like(w0, multipliers[1]));
      *this = {upper(p1) ^ w1 ^ k0, p1, upper(p0) ^ w3 ^ k1, p0};
      k0 = sum(k0, like(w0, key_steps[0]));
      k1 = sum(k1, like(w0, key_steps[1]));
    }
  }
};

}  // namespace

void Stream::refill() {
  auto const count = _mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(count_)),
                                      _mm256_set_epi64x(3, 1, 2, 0));
  Blocks c{count, upper(count), like(count, series_), _mm256_setzero_si256()};
  c.encipher(key_);
  auto const low = joined(c.w0, c.w1);
  auto const high = joined(c.w2, c.w3);
  auto* const to = reinterpret_cast<__m256i*>(words_.data());
  _mm256_storeu_si256(to, _mm256_unpacklo_epi64(low, high));
  _mm256_storeu_si256(to + 1, _mm256_unpackhi_epi64(low, high));
  count_ += 4;
  filled_ = 16;
  used_ = 0;
}

#else

void Stream::refill() {
  auto const block = philox(
      {static_cast<std::uint32_t>(count_), static_cast<std::uint32_t>(count_ >> 32), series_, 0},
      key_);
  std::ranges::copy(block, words_.begin());
  ++count_;
  filled_ = 4;
  used_ = 0;
}

#endif

#if defined(__AVX512F__)

/// Eight blocks: four of the first series in the even lanes; two of the second one and then one for
/// the key of each branch in the odd ones.
void Fork::start(Key key) {
  Blocks c{_mm512_set_epi64(1, 3, 0, 2, 1, 1, 0, 0), _mm512_setzero_si512(),
           _mm512_set_epi64(0, 0, 0, 0, 1, 0, 1, 0), _mm512_set_epi64(1, 0, 1, 0, 0, 0, 0, 0)};
  c.encipher(key.value());
  auto const low = joined(c.w0, c.w1);
  auto const high = joined(c.w2, c.w3);
  first_.begin(key, _mm512_maskz_unpacklo_epi64(0xff, low, high), 4);
  auto const odd = _mm512_maskz_unpackhi_epi64(0xff, low, high);
  second_.begin(key, odd, 2);
  auto const key_of = [](long long words) {
    return Key{std::rotl(static_cast<std::uint64_t>(words), 32)};
  };
  branches_ = {key_of(odd[4]), key_of(odd[6])};
}

#else

void Fork::start(Key key) {
  first_ = Stream{key};
  first_.refill();
  second_ = Stream{key, 1};
  branches_ = {key.with(0), key.with(1)};
}

#endif

double Stream::normal() {
  auto const radius = std::sqrt(-2 * std::log1p(-uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

}  // namespace canopy
