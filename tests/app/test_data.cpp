#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "canopy/app/data.hpp"
#include "canopy/core/error.hpp"
#include "canopy/data/readers.hpp"

#include "support/real_data.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// Eight rows: a row number, a continuous, a constant and a binary column, a one-hot group of 3.
constexpr auto small_csv =
    "Id,height,same,wet,red,green,blue,kind\n"
    "1,0.5,4,0,1,0,0,oak\n"
    "2,2.5,4,1,0,1,0,elm\n"
    "3,1.5,4,0,0,0,1,oak\n"
    "4,9.5,4,1,1,0,0,oak\n"
    "5,7.5,4,1,0,1,0,elm\n"
    "6,3.5,4,0,0,0,1,oak\n"
    "7,4.5,4,0,1,0,0,oak\n"
    "8,8.5,4,1,0,1,0,oak\n";

class Data : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::ofstream{csv()} << small_csv;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string csv() const { return (folder_ / "trees.csv").string(); }
  std::string h5() const { return (folder_ / "trees.h5").string(); }

  static std::string data(std::vector<std::string> words) {
    ::testing::internal::CaptureStdout();
    try {
      EXPECT_EQ(run_data(words), 0);
    } catch (...) {
      ::testing::internal::GetCapturedStdout();
      throw;
    }
    return ::testing::internal::GetCapturedStdout();
  }

  static std::string error(std::vector<std::string> words, ExitCode code) {
    try {
      data(std::move(words));
    } catch (UserError const& e) {
      EXPECT_EQ(e.code, code) << e.what();
      return e.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  fs::path folder_ = fs::temp_directory_path() / ("canopy-data-" + std::to_string(getpid()));
};

TEST_F(Data, DescribeTellsKindsRangesAndClasses) {
  auto const text = data({"describe", "--data", csv()});
  EXPECT_THAT(text, HasSubstr("8 rows, 7 columns, 2 classes\n"));
  EXPECT_THAT(text,
              HasSubstr("2 continuous, 1 binary, 1 constant, 1 one-hot groups (3 columns)\n"));
  EXPECT_THAT(text, ContainsRegex("2 +height +continuous +0\\.5 +9\\.5 +8\n"));
  EXPECT_THAT(text, ContainsRegex("3 +same +constant +4 +4 +1\n"));
  EXPECT_THAT(text, ContainsRegex("4 +wet +binary +0 +1 +2\n"));
  EXPECT_THAT(text, ContainsRegex("5-7 +red \\.\\. blue +one-hot group of 3 +0 +1 +3\n"));
  EXPECT_THAT(text, ContainsRegex("elm +2 +0\\.25\n"));
  EXPECT_THAT(text, ContainsRegex("oak +6 +0\\.75\n"));
  EXPECT_THAT(text, HasSubstr("224 B as float32"));
}

TEST_F(Data, ColumnsOfZerosAreConstantHoweverTheyAreStored) {
  std::ofstream{csv()} << "a,b,c,kind\n0,0,1.5,x\n0,0,2.5,y\n0,0,0.5,x\n";
  auto const text = data({"describe", "--data", csv()});
  EXPECT_THAT(text, HasSubstr("1 continuous, 0 binary, 2 constant, 0 one-hot groups"));
  EXPECT_THAT(text, ContainsRegex("constant +0 +0 +1\n"));
}

TEST_F(Data, DescribeWarnsOfARowNumberUntilItIsDropped) {
  EXPECT_THAT(data({"describe", "--data", csv()}),
              HasSubstr("WARNING: column 'Id' looks like a row number: a leak; use --drop Id\n"));
  EXPECT_THAT(data({"describe", "--data", csv(), "--drop", "Id"}), Not(HasSubstr("WARNING")));
}

TEST_F(Data, ConvertWritesTheSameRows) {
  auto const said = data({"convert", "--data", csv(), "--drop", "Id", "--out", h5()});
  EXPECT_THAT(said, HasSubstr("trees.h5: 8 rows, 6 columns, 2 classes"));
  auto const back = data::read_hdf5(h5());
  EXPECT_EQ(back.feature_names.front(), "height");
  EXPECT_EQ(back.features(3, 0), 9.5F);
  EXPECT_EQ(back.class_names, (std::vector<std::string>{"elm", "oak"}));
  EXPECT_EQ(back.labels, (std::vector<std::uint16_t>{1, 0, 1, 1, 0, 1, 1, 1}));
}

TEST_F(Data, ConvertReplacesAFileOnlyWhenTold) {
  std::vector<std::string> words{"convert", "--data", csv(), "--out", h5()};
  std::ofstream{h5()} << "precious";
  EXPECT_THAT(error(words, ExitCode::usage), HasSubstr("--overwrite"));
  EXPECT_EQ(fs::file_size(h5()), 8u);
  words.emplace_back("--overwrite");
  data(words);
  EXPECT_EQ(data::read_hdf5(h5()).rows(), 8);
}

TEST_F(Data, SynthIsRepeatableAndTakesGeneratorsOnly) {
  auto const make = [&](std::string const& seed) {
    data({"synth", "--data", "synthetic:forest-cover,rows=200", "--out", h5(), "--overwrite",
          "--seed", seed});
    return data::read_hdf5(h5()).features;
  };
  auto const first = make("1");
  EXPECT_EQ(first.rows(), 200);
  EXPECT_EQ(first, make("1"));
  EXPECT_NE(first, make("2"));
  EXPECT_THAT(error({"synth", "--data", csv(), "--out", h5()}, ExitCode::usage),
              HasSubstr("synthetic:"));
}

TEST_F(Data, SaysWhatIsMissing) {
  EXPECT_THAT(error({}, ExitCode::usage), HasSubstr("describe, convert or synth"));
  EXPECT_THAT(error({"convert", "--data", csv()}, ExitCode::usage), HasSubstr("--out"));
  error({"remove", "--data", csv()}, ExitCode::usage);
  error({"describe", "--data", (folder_ / "none.csv").string()}, ExitCode::data);
}

TEST_F(Data, DescribesTheRealForestCover) {
  auto const folder = test::real_data_dir();
  if (!folder) GTEST_SKIP() << "no forest-cover/train.csv";
  auto const file = (*folder / "forest-cover" / "train.csv").string();
  auto const text = data({"describe", "--data", file});
  EXPECT_THAT(text, HasSubstr("15,120 rows, 55 columns, 7 classes\n"));
  EXPECT_THAT(text, HasSubstr("'Id' looks like a row number"));
  EXPECT_THAT(text, ContainsRegex("Wilderness_Area1 \\.\\. Wilderness_Area4 +one-hot group of 4"));
  EXPECT_THAT(text, ContainsRegex("7 +2160 +0\\.1429\n"));
}

TEST_F(Data, TheFullForestCoverTakesATenthOfItsMatrix) {
  auto const folder = test::real_data_dir();
  if (!folder || !fs::exists(*folder / "forest-cover" / "covtype.data.gz"))
    GTEST_SKIP() << "no forest-cover/covtype.data.gz";
  auto const text =
      data({"describe", "--data", "forest-cover-full", "--data-dir", folder->string()});
  EXPECT_THAT(text, HasSubstr("581,012 rows, 54 columns, 7 classes\n"));
  EXPECT_THAT(text,
              HasSubstr("10 continuous, 0 binary, 0 constant, 2 one-hot groups (44 columns)"));
  EXPECT_THAT(text, HasSubstr("memory   125.5 MB as float32, 11.7 MB encoded\n"));
}

}  // namespace
}  // namespace canopy::app
