#include "canopy/core/digest.hpp"

#include <array>

#include <fmt/format.h>
#include <zlib.h>

namespace canopy {

std::string Sha256::hex() const {
  auto copy = state_;
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256_final(&copy, digest.data());
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

std::uint32_t crc32(std::string_view text) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<unsigned char const*>(text.data()), text.size()));
}

}  // namespace canopy
