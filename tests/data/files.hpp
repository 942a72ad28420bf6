#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include "canopy/core/error.hpp"

namespace canopy::test {

/// A folder of its own for a test, gone afterwards.
class Folder {
 public:
  Folder() {
    auto const* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            ("canopy-" + std::string{test->test_suite_name()} + "-" + test->name() + "-" +
             std::to_string(::getpid()));
    std::filesystem::create_directories(path_);
  }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::filesystem::path const& path() const { return path_; }
  std::filesystem::path write(std::string const& name, std::string const& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream{path_ / name, std::ios::binary} << content;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// `content` as one gzip member.
inline std::string gzipped(std::string const& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()) + 64, '\0');
  std::string in = content;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// The text of the DataError that `call` throws.
template <class Call>
std::string data_error(Call call) {
  try {
    call();
  } catch (DataError const& error) {
    EXPECT_EQ(error.code, ExitCode::data);
    return error.what();
  }
  ADD_FAILURE() << "no DataError was thrown";
  return "";
}

}  // namespace canopy::test
