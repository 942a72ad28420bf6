#include "lines.hpp"

#include <cstring>

#include "canopy/core/error.hpp"

namespace canopy::data {

bool LineReader::load_more() {
  if (at_end_) return false;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size()) {
    if (end_ >= longest_line)
      throw DataError{bytes_.path().string() + ": line " + std::to_string(number_ + 1) +
                      ": it is longer than 64 MB, expected a table with a row per line"};
    buffer_.resize(2 * end_);
  }
  auto const got = bytes_.read(buffer_.data() + end_, buffer_.size() - end_);
  at_end_ = got < buffer_.size() - end_;
  end_ += got;
  return got > 0;
}

std::optional<std::string_view> LineReader::any_line() {
  std::size_t searched = 0;
  for (;;) {
    auto const* from = buffer_.data() + begin_;
    auto const* found =
        static_cast<char const*>(std::memchr(from + searched, '\n', end_ - begin_ - searched));
    if (found) {
      std::string_view const line{from, static_cast<std::size_t>(found - from)};
      begin_ += line.size() + 1;
      return line;
    }
    searched = end_ - begin_;
    if (load_more()) continue;
    if (begin_ == end_) return {};
    std::string_view const line{buffer_.data() + begin_, end_ - begin_};
    begin_ = end_;
    return line;
  }
}

std::optional<std::string_view> LineReader::next() {
  while (auto line = any_line()) {
    ++number_;
    if (number_ == 1 && line->starts_with("\xef\xbb\xbf")) line->remove_prefix(3);
    if (line->ends_with('\r')) line->remove_suffix(1);
    if (!line->empty()) return line;
  }
  return {};
}

}  // namespace canopy::data
