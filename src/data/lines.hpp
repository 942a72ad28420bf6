#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "gzip.hpp"

namespace canopy::data {

/// The lines of a text file with their numbers, empty ones left out; "\r\n" counts as "\n".
class LineReader {
 public:
  explicit LineReader(std::filesystem::path const& path) : bytes_{path}, buffer_(initial_bytes) {}

  /// The next line without its end, valid until the next call; nothing at the end of the file.
  std::optional<std::string_view> next();
  std::int64_t number() const { return number_; }  ///< of the line given last, from 1

 private:
  static std::size_t constexpr initial_bytes = 1024 * 1024;
  static std::size_t constexpr longest_line = 64 * 1024 * 1024;

  std::optional<std::string_view> any_line();
  bool load_more();

  ByteSource bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
  std::int64_t number_ = 0;
};

}  // namespace canopy::data
