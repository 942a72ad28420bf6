#include "gzip.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "canopy/core/error.hpp"

namespace canopy::data {
namespace {

std::size_t constexpr input_bytes = 256 * 1024;
int constexpr gzip_window = 15 + 16;  // zlib's way of saying: gzip, any window

}  // namespace

ByteSource::ByteSource(std::filesystem::path const& path) : path_{path}, input_(input_bytes) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) fail("this is a folder, expected a file");
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (!file_) fail(std::string{"cannot open it: "} + std::strerror(errno));
  auto const stored = std::filesystem::file_size(path, error);
  refill();
  is_gzip_ = stream_.avail_in >= 2 && stream_.next_in[0] == 0x1f && stream_.next_in[1] == 0x8b;
  // A pipe has no size: what it holds is only known at its end.
  auto constexpr unlimited = std::numeric_limits<std::uint64_t>::max();
  most_bytes_ = error ? unlimited : is_gzip_ ? stored * 1032 : stored;
  if (is_gzip_ && inflateInit2(&stream_, gzip_window) != Z_OK) fail("zlib is out of memory");
}

ByteSource::~ByteSource() {
  if (is_gzip_) inflateEnd(&stream_);
}

void ByteSource::fail(std::string const& problem) const {
  throw DataError{path_.string() + ": " + problem};
}

bool ByteSource::refill() {
  auto const got = std::fread(input_.data(), 1, input_.size(), file_.get());
  if (got == 0 && std::ferror(file_.get()))
    fail(std::string{"cannot read it: "} + std::strerror(errno));
  stream_.next_in = input_.data();
  stream_.avail_in = static_cast<uInt>(got);
  return got > 0;
}

std::size_t ByteSource::read(char* buffer, std::size_t size) {
  auto const got = is_gzip_ ? inflate_into(buffer, size) : copy(buffer, size);
  given_ += got;
  return got;
}

std::size_t ByteSource::copy(char* buffer, std::size_t size) {
  std::size_t done = 0;
  while (done < size && (stream_.avail_in > 0 || refill())) {
    auto const n = std::min<std::size_t>(size - done, stream_.avail_in);
    std::memcpy(buffer + done, stream_.next_in, n);
    stream_.next_in += n;
    stream_.avail_in -= static_cast<uInt>(n);
    done += n;
  }
  return done;
}

/// Files made by `cat a.gz b.gz` hold several members; zeros after the last are padding.
bool ByteSource::next_member() {
  while (stream_.avail_in > 0 || refill()) {
    if (*stream_.next_in != 0) {
      if (inflateReset(&stream_) != Z_OK) fail("zlib cannot start again");
      return true;
    }
    ++stream_.next_in;
    --stream_.avail_in;
  }
  return false;
}

std::size_t ByteSource::inflate_into(char* buffer, std::size_t size) {
  stream_.next_out = reinterpret_cast<Bytef*>(buffer);
  stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, 1u << 30));
  auto const wanted = stream_.avail_out;
  while (stream_.avail_out > 0 && !ended_) {
    auto const so_far = std::to_string(given_ + wanted - stream_.avail_out) + " bytes of content";
    if (stream_.avail_in == 0 && !refill())
      fail("the gzip data is cut off after " + so_far +
           ", expected more; copy or download the file again");
    auto const status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
      ended_ = !next_member();
    else if (status != Z_OK && status != Z_BUF_ERROR)
      fail("the gzip data is damaged after " + so_far + " (" +
           (stream_.msg ? stream_.msg : "zlib gives no reason") +
           "); copy or download the file again");
  }
  return wanted - stream_.avail_out;
}

}  // namespace canopy::data
