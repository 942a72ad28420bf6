#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "canopy/store/arrays.hpp"

#include "support/full_disk.hpp"

namespace canopy::store {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

/// A folder per test, gone afterwards.
class Store : public testing::Test {
 protected:
  Store() { fs::create_directories(folder); }
  ~Store() override { fs::remove_all(folder); }

  fs::path const folder =
      fs::temp_directory_path() / ("canopy-store-" + std::to_string(::getpid()) + "-" +
                                   testing::UnitTest::GetInstance()->current_test_info()->name());
  fs::path const path = folder / "a.h5";
};

NamedArrays every_kind() {
  NamedArrays arrays;
  arrays.put("bytes", std::vector<std::uint8_t>{1, 255});
  arrays.put("shorts", std::vector<std::uint16_t>{65535});
  arrays.put("words", std::vector<std::uint32_t>{4294967295u});
  arrays.put("ints", std::vector<std::int32_t>{-7});
  arrays.put("longs", std::vector<std::int64_t>{-1, 1LL << 60});
  arrays.put("floats", std::vector<float>(60000, 0.1f), {200, 300});  // large: chunked
  arrays.put("doubles", std::vector<double>{});
  arrays.put("texts", std::vector<std::string>{"", "Fichte \xc3\xa4", "oak"});
  arrays.set_attribute("count", std::int64_t{3});
  arrays.set_attribute("share", 0.1);
  arrays.set_attribute("name", std::string{"trees"});
  return arrays;
}

TEST_F(Store, RoundTripKeepsTypesOrderAndShapes) {
  auto const arrays = every_kind();
  write_atomically(path, [&](File& file) { file.write("/model/tree0", arrays); });
  auto const file = File::open_read(path);
  EXPECT_EQ(file.read("/model/tree0"), arrays);
  EXPECT_TRUE(file.has_group("/model"));
  EXPECT_FALSE(file.has_group("/trials"));
  EXPECT_THAT(file.group_names("/model"), ElementsAre("tree0"));
  EXPECT_EQ(file.read_array("/model/tree0", "ints"), arrays.at("ints"));
  EXPECT_EQ(file.read_attributes("/model/tree0").attributes(), arrays.attributes());
}

TEST_F(Store, RowsAreReadAlone) {
  NamedArrays arrays;
  std::vector<float> floats(60000);
  for (std::size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(i);
  arrays.put("table", floats, {200, 300});
  arrays.put("words", std::vector<std::string>{"a", "b", "c"});
  write_atomically(path, [&](File& file) { file.write("/", arrays); });
  auto const file = File::open_read(path);
  EXPECT_THAT(file.shape("/", "table"), ElementsAre(200, 300));
  EXPECT_THAT(file.shape("/", "words"), ElementsAre(3));
  auto const rows = file.read_rows("/", "table", 17, 2);
  EXPECT_THAT(rows.shape, ElementsAre(2, 300));
  EXPECT_EQ(std::get<std::vector<float>>(rows.data),
            std::vector(floats.begin() + 17 * 300, floats.begin() + 19 * 300));
  EXPECT_THAT(file.read_rows("/", "table", 200, 0).shape, ElementsAre(0, 300));
  EXPECT_THAT(std::get<std::vector<std::string>>(file.read_rows("/", "words", 1, 2).data),
              ElementsAre("b", "c"));
  EXPECT_THROW(file.read_rows("/", "table", 199, 2), DataError);
  EXPECT_THROW(file.read_rows("/", "table", -1, 1), DataError);
}

TEST_F(Store, AttributesAreReplacedArraysAreNot) {
  auto file = File::create(path);
  file.write("/", every_kind());
  file.set_attribute("/", "count", std::int64_t{4});
  EXPECT_EQ(file.read_attributes("/").int_attribute("count"), 4);
  EXPECT_THROW(file.write("/", every_kind()), DataError);
}

TEST_F(Store, FailuresNameTheFile) {
  std::ofstream{path} << "no HDF5";
  for (auto const& bad : {path, folder / "absent.h5"}) {
    try {
      File::open_read(bad);
      ADD_FAILURE() << bad;
    } catch (DataError const& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.string()));
    }
  }
}

TEST_F(Store, AFullDiskIsTheUsersToMend) {
  write_atomically(path, [](File& file) { file.write("/", every_kind()); });
  for (unsigned const range : {0u, 256u}) {  // that nothing compresses, and that is compressed
    std::minstd_rand chance;
    std::vector<double> numbers(400'000);
    for (auto& number : numbers) number = range == 0 ? chance() : chance() % range;
    NamedArrays arrays;
    arrays.put("numbers", numbers);
    EXPECT_THAT(
        [&] {
          test::FullDisk const disk{100'000};
          write_atomically(path, [&](File& file) { file.write("/", arrays); });
        },
        ThrowsMessage<UserError>(
            StartsWith(path.string() + ": cannot be written: File too large; ")));
  }
  EXPECT_EQ(File::open_read(path).read("/"), every_kind());
  EXPECT_FALSE(fs::exists(path.string() + ".part"));
}

TEST_F(Store, PlacesThatCannotBeWrittenToAreTheUsersToMendToo) {
  std::ofstream{folder / "file"} << "";
  auto const nothing = [](File&) {};
  for (auto const& [place, reason] : {std::pair{folder / "file/x.h5", "Not a directory"},
                                      std::pair{fs::path{"/proc/x.h5"}, "No such file"},
                                      std::pair{folder / "file/deep/x.h5", "Not a directory"}})
    EXPECT_THAT(
        [&] { write_atomically(place, nothing); },
        ThrowsMessage<UserError>(StartsWith(place.string() + ": cannot be written: " + reason)));
}

TEST_F(Store, AFailedWriteLeavesTheOldFileAlone) {
  write_atomically(path, [](File& file) { file.write("/", every_kind()); });
  auto const fail = [](File&) { throw std::runtime_error{"half-way"}; };
  EXPECT_THROW(write_atomically(path, fail), std::runtime_error);
  EXPECT_EQ(File::open_read(path).read("/"), every_kind());
  EXPECT_FALSE(fs::exists(path.string() + ".part"));
}

}  // namespace
}  // namespace canopy::store
