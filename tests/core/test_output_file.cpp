#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "canopy/core/output_file.hpp"

#include "support/full_disk.hpp"

namespace canopy {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A folder that holds a file and a folder.
struct OutputFile : ::testing::Test {
  OutputFile() {
    fs::create_directories(folder / "sub");
    std::ofstream{folder / "file"} << "old";
  }
  ~OutputFile() override { fs::remove_all(folder); }

  void refused(fs::path const& path, std::string const& problem) const {
    EXPECT_THAT([&] { check_output("--out", path, ".csv"); },
                ThrowsMessage<UserError>(
                    AllOf(HasSubstr("--out is " + path.string()), HasSubstr(problem))));
  }
  std::ptrdiff_t entries() const {
    return std::distance(fs::recursive_directory_iterator{folder}, {});
  }
  std::string content(char const* name) const {
    std::ostringstream text;
    text << std::ifstream{folder / name}.rdbuf();
    return text.str();
  }

  fs::path folder = fs::temp_directory_path() / ("output-file-" + std::to_string(::getpid()));
};

TEST_F(OutputFile, PlacesThatCanHoldOneAreLeftAsTheyAre) {
  auto const before = entries();
  for (auto const* name : {"new.csv", "file", "not/yet/there.csv"})
    check_output("--out", folder / name, ".csv");
  check_output("--out", "", ".csv");
  EXPECT_EQ(entries(), before);
  EXPECT_EQ(content("file"), "old");
}

TEST_F(OutputFile, OtherPlacesAreRefused) {
  refused(folder / "sub",
          "a folder; expected a file such as " + (folder / "sub/NAME.csv").string());
  refused(folder / "sub/", "a folder");
  refused(folder / "file/x.csv", "nothing can be written into " + (folder / "file").string() +
                                     ": Not a directory; choose another");
  refused(folder / "file/deep/x.csv", "Not a directory");
  refused("/dev/null", "no file to replace");
  refused("/proc/x.csv", "nothing can be written into /proc: ");
  EXPECT_THAT(
      [&] {
        check_output("--out", folder / "sub/../file", "", {"none", (folder / "file").string()});
      },
      ThrowsMessage<UserError>(HasSubstr("which is read and would be lost")));
  fs::create_symlink(folder / "sub", folder / "link");
  refused(folder / "link", "a folder");
}

TEST_F(OutputFile, TextIsThereAsAWhole) {
  write_text(folder / "not/yet/there.csv", [](std::ostream& out) { out << "a,b\n"; });
  EXPECT_EQ(content("not/yet/there.csv"), "a,b\n");
  write_text(folder / "file", [&](std::ostream& out) {
    out << "new";
    out.flush();
    EXPECT_EQ(content("file"), "old") << "until it is complete";
  });
  EXPECT_EQ(content("file"), "new");
  EXPECT_FALSE(fs::exists(folder / "file.part"));
}

TEST_F(OutputFile, AFullDiskIsToldAndLeavesTheOldFile) {
  EXPECT_THAT(
      [&] {
        test::FullDisk const disk{100'000};
        write_text(folder / "file", [](std::ostream& out) { out << std::string(1'000'000, 'x'); });
      },
      ThrowsMessage<UserError>(AllOf(HasSubstr("/file: cannot be written: File too large; "))));
  EXPECT_EQ(content("file"), "old");
  EXPECT_FALSE(fs::exists(folder / "file.part"));
}

}  // namespace
}  // namespace canopy
