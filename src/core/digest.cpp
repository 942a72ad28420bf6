#include "canopy/core/digest.hpp"

#include <array>
#include <new>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <zlib.h>

namespace canopy {
namespace {

/// OpenSSL refuses only when there is no memory.
void expect(int result) {
  if (result != 1) throw std::bad_alloc{};
}

}  // namespace

void Sha256::Free::operator()(EVP_MD_CTX* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_{EVP_MD_CTX_new()} {
  expect(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Sha256::add(void const* data, std::size_t bytes) {
  expect(EVP_DigestUpdate(context_.get(), data, bytes));
}

std::string Sha256::hex() const {
  Sha256 copy;
  expect(EVP_MD_CTX_copy_ex(copy.context_.get(), context_.get()));
  std::array<unsigned char, 32> digest;
  expect(EVP_DigestFinal_ex(copy.context_.get(), digest.data(), nullptr));
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

std::uint32_t crc32(std::string_view text) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<unsigned char const*>(text.data()), text.size()));
}

}  // namespace canopy
