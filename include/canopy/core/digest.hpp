#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include <sodium/crypto_hash_sha256.h>

namespace canopy {

/// SHA-256 of everything added so far (libsodium): names a model or a data set by its content.
class Sha256 {
 public:
  Sha256() { crypto_hash_sha256_init(&state_); }
  void add(void const* data, std::size_t bytes) {
    crypto_hash_sha256_update(&state_, static_cast<unsigned char const*>(data), bytes);
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void add_value(T value) { add(&value, sizeof value); }

  /// 64 hexadecimal digits. More may be added afterwards.
  std::string hex() const;

 private:
  crypto_hash_sha256_state state_;
};

/// CRC-32 (zlib): finds a torn or damaged journal line, promises nothing against malice.
std::uint32_t crc32(std::string_view text);

}  // namespace canopy
