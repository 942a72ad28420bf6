#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include <openssl/types.h>

namespace canopy {

/// SHA-256 of everything added so far (OpenSSL, which uses the processor's instructions for it):
/// names a model or a data set by its content.
class Sha256 {
 public:
  Sha256();
  void add(void const* data, std::size_t bytes);
  template <class T>
  requires std::is_arithmetic_v<T>
  void add_value(T value) { add(&value, sizeof value); }

  /// 64 hexadecimal digits. More may be added afterwards.
  std::string hex() const;

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

/// CRC-32 (zlib): finds a torn or damaged journal line, promises nothing against malice.
std::uint32_t crc32(std::string_view text);

}  // namespace canopy
