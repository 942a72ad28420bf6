#include "canopy/core/random.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace canopy {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::uint64_t key) {
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    auto const p0 = std::uint64_t{0xD2511F53u} * c[0];
    auto const p1 = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
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

double Stream::normal() {
  auto const radius = std::sqrt(-2 * std::log1p(-uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

}  // namespace canopy
