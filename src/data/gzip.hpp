#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <zlib.h>

namespace canopy::data {

/// The bytes of a file from first to last, inflated on the way when the file is gzip.
class ByteSource {
 public:
  explicit ByteSource(std::filesystem::path const& path);
  ByteSource(ByteSource const&) = delete;
  ByteSource& operator=(ByteSource const&) = delete;
  ~ByteSource();

  /// Fills `buffer` as far as the content goes; less than `size` means the end. Throws DataError
  /// when the file cannot be read, or its gzip data is cut off or damaged.
  std::size_t read(char* buffer, std::size_t size);

  std::filesystem::path const& path() const { return path_; }
  /// No more bytes than this can come out: deflate shrinks at most 1032 times.
  std::uint64_t most_bytes() const { return most_bytes_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  bool refill();
  bool next_member();
  std::size_t copy(char* buffer, std::size_t size);
  std::size_t inflate_into(char* buffer, std::size_t size);
  [[noreturn]] void fail(std::string const& problem) const;

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<unsigned char> input_;
  z_stream stream_{};
  std::uint64_t most_bytes_ = 0;
  std::uint64_t given_ = 0;
  bool is_gzip_ = false;
  bool ended_ = false;
};

}  // namespace canopy::data
