#include "canopy/core/printable.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace canopy::text {
namespace {

/// Bytes of the character that `text` begins with, or 0 when it is not to be printed.
std::size_t printed_length(std::string_view text) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) == '\n' || byte(0) == '\t') return 1;
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
  auto const length = static_cast<std::size_t>(std::countl_one(byte(0)));
  if (length < 2 || length > 4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (byte(i) >> 6 != 0b10) return 0;
  bool const is_control = byte(0) == 0xc2 && byte(1) < 0xa0;
  bool const is_overlong = byte(0) == 0xc0 || byte(0) == 0xc1;
  return is_control || is_overlong ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    auto const length = printed_length(text);
    if (length == 0)
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    else
      result += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return result;
}

}  // namespace canopy::text
