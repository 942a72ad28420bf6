#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/data/readers.hpp"
#include "canopy/store/arrays.hpp"

#include "files.hpp"
#include "support/real_data.hpp"

namespace canopy::data {
namespace {

using test::data_error;
using test::Folder;
using test::gzipped;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string csv_error(std::string const& content, CsvOptions const& options = {},
                      std::string const& name = "t.csv") {
  Folder const folder;
  auto const path = folder.write(name, content);
  auto const text = data_error([&] { read_csv(path, options); });
  EXPECT_THAT(text, HasSubstr(path.string() + ": "));
  return text;
}

Dataset csv(std::string const& content, CsvOptions const& options = {}) {
  Folder const folder;
  return read_csv(folder.write("t.csv", content), options);
}

std::string big_endian(std::uint32_t n) {
  std::string word(4, '\0');
  for (int i = 0; i < 4; ++i) word[i] = static_cast<char>(n >> (24 - 8 * i));
  return word;
}

std::string idx(std::vector<std::uint32_t> const& extent, std::string const& values) {
  std::string content{'\0', '\0', '\x08', static_cast<char>(extent.size())};
  for (auto const n : extent) content += big_endian(n);
  return content + values;
}

TEST(Csv, HeaderNamesAndNumericClasses) {
  auto const d = csv("a,b,kind\n1,-2.5,10\n3,4e2,9\n");
  EXPECT_THAT(d.feature_names, ElementsAre("a", "b"));
  EXPECT_EQ(d.label_name, "kind");
  EXPECT_THAT(d.class_names, ElementsAre("9", "10"));
  EXPECT_THAT(d.labels, ElementsAre(1, 0));
  Eigen::MatrixXf expected(2, 2);
  expected << 1, -2.5f, 3, 400;
  EXPECT_EQ(d.features, expected);
}

TEST(Csv, NoHeaderNoLastNewlineWindowsEndsAndMark) {
  auto const d =
      csv("\xef\xbb\xbf"
          "1,2,0\r\n\r\n3,4,1");
  EXPECT_EQ(d.rows(), 2);
  EXPECT_EQ(d.features(1, 1), 4);
  EXPECT_THAT(d.feature_names, ElementsAre("column1", "column2"));
}

TEST(Csv, SeparatorsAreDetected) {
  for (std::string const separator : {",", ";", "\t"}) {
    auto const d = csv("x" + separator + "y\n 1.5 " + separator + "2\n");
    EXPECT_EQ(d.features(0, 0), 1.5f) << separator;
    EXPECT_THAT(d.class_names, ElementsAre("2"));
  }
}

TEST(Csv, QuotedFieldsAndWordClasses) {
  auto const d = csv("\"a, b\",c,\"say \"\"it\"\"\"\n\"1\",2,\"pine, tall\"\n3,4,birch\n");
  EXPECT_THAT(d.feature_names, ElementsAre("a, b", "c"));
  EXPECT_EQ(d.label_name, "say \"it\"");
  EXPECT_THAT(d.class_names, ElementsAre("birch", "pine, tall"));
  EXPECT_THAT(d.labels, ElementsAre(1, 0));
  EXPECT_EQ(d.features(0, 0), 1);
}

TEST(Csv, WordClassesWithoutHeaderKeepTheFirstRow) {
  auto const d = csv("5,3,1,setosa\n6,2,4,virginica\n");
  EXPECT_EQ(d.rows(), 2);
  EXPECT_THAT(d.class_names, ElementsAre("setosa", "virginica"));
}

TEST(Csv, CountingNamesAreAHeader) {
  auto const d = csv("0,1,2,kind\n7,8,9,a\n");
  EXPECT_EQ(d.rows(), 1);
  EXPECT_THAT(d.feature_names, ElementsAre("0", "1", "2"));
}

TEST(Csv, LabelAndDropByNameOrNumber) {
  std::string const content = "id,y,a,b\n1,0,5,6\n2,1,7,8\n";
  auto const by_name = csv(content, {.label = "y", .drop = {"id"}, .header = {}});
  auto const by_number = csv(content, {.label = "2", .drop = {"1"}, .header = {}});
  EXPECT_THAT(by_name.feature_names, ElementsAre("a", "b"));
  EXPECT_THAT(by_name.labels, ElementsAre(0, 1));
  EXPECT_EQ(by_name.features, by_number.features);
  EXPECT_EQ(by_name.label_name, by_number.label_name);
  EXPECT_EQ(csv(content, {.label = "", .drop = {"b"}, .header = {}}).label_name, "a");
}

TEST(Csv, OneClassHasOneNameHoweverWritten) {
  auto const d = csv("a,y\n1,1\n2,1.0\n3,+1\n4,-1\n");
  EXPECT_THAT(d.class_names, ElementsAre("-1", "1"));
  EXPECT_THAT(d.labels, ElementsAre(1, 1, 1, 0));
}

TEST(Csv, NumbersAreTheNearestFloats) {
  auto const d =
      csv("a,y\n16777217,0\n123456789012345678,0\n12345678901234567890,0\n0.1,0\n1e-60,0\n-0,0\n+3,"
          "0\n");
  EXPECT_EQ(d.features(0, 0), 16777217.0f);
  EXPECT_EQ(d.features(1, 0), 123456789012345678.0f);
  EXPECT_EQ(d.features(2, 0), 12345678901234567890.0f);
  EXPECT_EQ(d.features(3, 0), 0.1f);
  EXPECT_EQ(d.features(4, 0), 0.0f);
  EXPECT_FALSE(std::signbit(d.features(5, 0)));
  EXPECT_EQ(d.features(6, 0), 3.0f);
}

TEST(Csv, ManyRowsAcrossBuffersAndBlocks) {
  std::string content = "a,b,y\n";
  for (int i = 0; i < 200'000; ++i)
    content += std::to_string(i) + "," + std::to_string(-i) + "," + std::to_string(i % 3) + "\n";
  auto const d = csv(gzipped(content.substr(0, 999'999)) + gzipped(content.substr(999'999)));
  ASSERT_EQ(d.rows(), 200'000);
  for (int i = 0; i < 200'000; ++i) {
    ASSERT_EQ(d.features(i, 0), static_cast<float>(i));
    ASSERT_EQ(d.features(i, 1), static_cast<float>(-i));
    ASSERT_EQ(d.labels[i], i % 3);
  }
}

TEST(CsvErrors, NameLineAndColumn) {
  EXPECT_THAT(csv_error("a,b,y\n1,2,0\n1,x7,0\n"),
              AllOf(HasSubstr("line 3, column 2: 'x7' is not a number"), HasSubstr("expected")));
  EXPECT_THAT(csv_error("a,b,y\n1,NaN,0\n"), HasSubstr("line 2, column 2: the value is 'NaN'"));
  EXPECT_THAT(csv_error("a,b,y\n-inf,1,0\n"), HasSubstr("line 2, column 1: the value is '-inf'"));
  EXPECT_THAT(csv_error("a,b,y\n1e99,1,0\n"), HasSubstr("line 2, column 1: the value is '1e99'"));
  EXPECT_THAT(csv_error("a,b,y\n1,,0\n"), HasSubstr("line 2, column 2: the field is empty"));
  EXPECT_THAT(csv_error("a,b,y\n1,2,\n"),
              HasSubstr("line 2, column 3: the class label is missing"));
  EXPECT_THAT(csv_error("a,b,y\n1,2,nan\n"),
              HasSubstr("line 2, column 3: the class label is 'nan'"));
  EXPECT_THAT(csv_error("1,2,x,4\n"), HasSubstr("line 1, column 3: 'x' is not a number"));
  EXPECT_THAT(csv_error("a,b,y\n1,\"2,0\n"),
              HasSubstr("line 2, column 2: the quote is not closed"));
  EXPECT_THAT(csv_error("a,b,y\n1,\"2\"3,0\n"), HasSubstr("line 2, column 2: there is text after"));
}

TEST(CsvErrors, FieldCount) {
  EXPECT_THAT(csv_error("a,b,y\n1,2,0\n\n1,2\n"),
              HasSubstr("line 4, column 2: the line has 2 fields, expected 3"));
  EXPECT_THAT(csv_error("a,b,y\n1,2,0,5\n"),
              HasSubstr("line 2, column 4: the line has 4 fields, expected 3"));
}

TEST(CsvErrors, Columns) {
  std::string const content = "alpha,beta,y\n1,2,0\n";
  EXPECT_THAT(
      csv_error(content, {.label = "alpa", .drop = {}, .header = {}}),
      AllOf(HasSubstr("no column 'alpa' for the label"), HasSubstr("did you mean 'alpha'")));
  EXPECT_THAT(csv_error(content, {.label = "4", .drop = {}, .header = {}}),
              HasSubstr("a number from 1 to 3"));
  EXPECT_THAT(csv_error(content, {.label = "", .drop = {"0"}, .header = {}}),
              HasSubstr("no column '0' for --drop"));
  EXPECT_THAT(csv_error(content, {.label = "y", .drop = {"y"}, .header = {}}),
              HasSubstr("both --label and in --drop"));
  EXPECT_THAT(csv_error(content, {.label = "", .drop = {"1", "2", "3"}, .header = {}}),
              HasSubstr("leaves no column"));
  EXPECT_THAT(csv_error("y\n1\n"), HasSubstr("at least one feature"));
}

TEST(CsvErrors, NothingInIt) {
  EXPECT_THAT(csv_error(""), HasSubstr("the file is empty"));
  EXPECT_THAT(csv_error("\n\n"), HasSubstr("the file is empty"));
  EXPECT_THAT(csv_error(gzipped("")), HasSubstr("the file is empty"));
  EXPECT_THAT(csv_error("a,b,y\n"), HasSubstr("only a header"));
  EXPECT_THAT(data_error([] { read_csv("nowhere/t.csv"); }),
              HasSubstr("nowhere/t.csv: cannot open"));
  Folder const folder;
  EXPECT_THAT(data_error([&] { read_csv(folder.path()); }), HasSubstr("this is a folder"));
}

TEST(CsvErrors, TooManyClasses) {
  std::string content = "a,y\n";
  for (int i = 0; i < 65536; ++i) content += "1," + std::to_string(i) + "\n";
  EXPECT_THAT(csv_error(content), HasSubstr("line 65537, column 2: this is the 65,536th"));
}

TEST(GzipErrors, CutOffAnywhere) {
  std::string content = "a,b,y\n";
  for (int i = 0; i < 500; ++i) content += std::to_string(i * i) + ",2,1\n";
  auto const whole = gzipped(content);
  for (std::size_t size = 2; size < whole.size(); size += 97)
    EXPECT_THAT(csv_error(whole.substr(0, size)), HasSubstr("cut off")) << size;
  EXPECT_THAT(csv_error(whole.substr(0, whole.size() - 1)), HasSubstr("cut off"));
}

TEST(GzipErrors, Damaged) {
  std::string content = "a,b,y\n";
  for (int i = 0; i < 500; ++i) content += std::to_string(i * i) + ",2,1\n";
  auto whole = gzipped(content);
  whole[whole.size() - 6] ^= 1;  // the checksum
  EXPECT_THAT(csv_error(whole), HasSubstr("damaged"));
  EXPECT_THAT(csv_error(gzipped(content) + "rubbish behind it"), HasSubstr("damaged"));
  EXPECT_EQ(csv(gzipped(content) + std::string(512, '\0')).rows(), 500);  // padding of tapes
}

TEST(Idx, ImagesWithLabelsBesideThem) {
  Folder const folder;
  auto const images =
      folder.write("t-images-idx3-ubyte", idx({2, 1, 3}, "\x01\x02\x03\x04\x05\xff"));
  EXPECT_FALSE(read_idx(images).has_labels());
  folder.write("t-labels-idx1-ubyte.gz", gzipped(idx({2}, {'\x03', '\x01'})));
  auto const d = read_idx(images);
  Eigen::MatrixXf expected(2, 3);
  expected << 1, 2, 3, 4, 5, 255;
  EXPECT_EQ(d.features, expected);
  EXPECT_THAT(d.labels, ElementsAre(3, 1));
  EXPECT_THAT(d.class_names, ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(d.feature_names, ElementsAre("pixel0", "pixel1", "pixel2"));
}

std::string idx_error(std::string const& images, std::string const& labels = idx({1}, "\1")) {
  Folder const folder;
  auto const path = folder.write("t-images-idx3-ubyte", images);
  folder.write("t-labels-idx1-ubyte", labels);
  auto const text = data_error([&] { read_idx(path); });
  EXPECT_THAT(text, HasSubstr(folder.path().string()));
  return text;
}

TEST(IdxErrors, EachHasItsWords) {
  auto const good = idx({1, 1, 2}, "ab");
  EXPECT_THAT(idx_error("PK\x03\x04zip"), HasSubstr("starts with the bytes 80 75 3 4"));
  EXPECT_THAT(idx_error(std::string("\0\0\x0d\x03", 4)), HasSubstr("0 0 13 3, expected 0 0 8 3"));
  EXPECT_THAT(idx_error(good, good), HasSubstr("0 0 8 3, expected 0 0 8 1"));
  EXPECT_THAT(idx_error(""), HasSubstr("ends within its header"));
  EXPECT_THAT(idx_error(good.substr(0, 9)), HasSubstr("ends within its header"));
  EXPECT_THAT(idx_error(idx({1, 1, 2}, "abc")), HasSubstr("goes on after the 2 values"));
  EXPECT_THAT(idx_error(idx({0, 1, 2}, "")), HasSubstr("dimension of 0"));
  EXPECT_THAT(idx_error(good, idx({3}, "\1\2\3")), HasSubstr("holds 3 labels, expected 1"));
}

TEST(IdxErrors, HugeDeclaredSizesTakeNoMemory) {
  auto constexpr most = 0xffffffffu;
  EXPECT_THAT(idx_error(idx({most, most, most}, "ab")), HasSubstr("too small to hold"));
  EXPECT_THAT(idx_error(gzipped(idx({most, most, most}, "ab"))), HasSubstr("too small to hold"));
  EXPECT_THAT(idx_error(idx({1, 1, 2}, "ab"), idx({most}, "\1")), HasSubstr("too small to hold"));
  EXPECT_THAT(idx_error(gzipped(idx({50, 10, 10}, "ab"))),
              HasSubstr("holds 2 values, expected the 5,000"));
}

TEST(Hdf5Form, RoundTrip) {
  Folder const folder;
  auto const d = csv("a,b,kind\n1,-2.5,oak\n3,0.1,ash\n5,6,oak\n");
  write_hdf5(folder.path() / "d.h5", d);
  auto const back = read_hdf5(folder.path() / "d.h5");
  EXPECT_EQ(back.features, d.features);
  EXPECT_EQ(back.labels, d.labels);
  EXPECT_EQ(back.feature_names, d.feature_names);
  EXPECT_EQ(back.class_names, d.class_names);
  EXPECT_EQ(back.label_name, "kind");
}

TEST(Hdf5Form, PartsAreTheWholeInBlocks) {
  Folder const folder;
  std::string text = "a,b,kind\n";
  for (int i = 0; i < 20'000; ++i)  // large enough to be stored in several chunks
    text += std::to_string(i) + "," + std::to_string(i % 7) + (i % 3 ? ",oak\n" : ",ash\n");
  auto const whole = csv(text);
  auto const path = folder.path() / "d.h5";
  write_hdf5(path, whole);
  for (int const parts : {1, 3, 8}) {
    std::int64_t next = 0;
    for (int part = 0; part < parts; ++part) {
      auto const [rows, first, all] = read_hdf5_part(path, part, parts);
      EXPECT_EQ(first, next);
      EXPECT_EQ(all, whole.rows());
      EXPECT_EQ(rows.features, whole.features.middleRows(first, rows.rows()));
      EXPECT_TRUE(std::equal(rows.labels.begin(), rows.labels.end(),
                             whole.labels.begin() + static_cast<std::ptrdiff_t>(first)));
      EXPECT_EQ(rows.feature_names, whole.feature_names);
      EXPECT_EQ(rows.class_names, whole.class_names);
      next += rows.rows();
    }
    EXPECT_EQ(next, whole.rows());
  }
  auto const few = csv("a,kind\n1,oak\n2,ash\n");
  write_hdf5(path, few);
  EXPECT_EQ(read_hdf5_part(path, 0, 5).rows.rows(), 0);  // more parts than rows
  EXPECT_EQ(read_hdf5_part(path, 4, 5).rows.features(0, 0), 2);
}

TEST(Hdf5FormErrors, ForeignOrDamaged) {
  Folder const folder;
  auto const path = folder.path() / "x.h5";
  auto const error_with = [&](NamedArrays const& arrays) {
    store::write_atomically(path, [&](store::File& file) { file.write("/", arrays); });
    auto const text = data_error([&] { read_hdf5(path); });
    EXPECT_THAT(text, HasSubstr(path.string() + ": "));
    return text;
  };
  NamedArrays arrays;
  arrays.put("features", std::vector<float>{1, 2}, {2, 1});
  EXPECT_THAT(error_with(arrays), HasSubstr("not a data set of Canopy"));
  arrays.set_attribute("format", std::string{"canopy-dataset"});
  arrays.set_attribute("label_name", std::string{"y"});
  EXPECT_THAT(error_with(arrays), HasSubstr("feature_names"));
  arrays.put("feature_names", std::vector<std::string>{"a"});
  arrays.put("labels", std::vector<std::uint16_t>{0, 2});
  arrays.put("class_names", std::vector<std::string>{"n", "p"});
  EXPECT_THAT(error_with(arrays), HasSubstr("a label is 2, expected less than the 2 classes"));
  arrays.put("labels", std::vector<std::uint16_t>{0});
  EXPECT_THAT(error_with(arrays), HasSubstr("it has 1 labels"));
  arrays.put("features", std::vector<float>{1, HUGE_VALF}, {2, 1});
  EXPECT_THAT(error_with(arrays), HasSubstr("row 2, column 1: expected a finite number"));
  folder.write("x.h5", "no HDF5 at all");
  EXPECT_THAT(data_error([&] { read_hdf5(path); }), HasSubstr(path.string()));
}

TEST(RealData, WholeCovertype) {
  auto const folder = test::real_data_dir();
  if (!folder || !std::filesystem::exists(*folder / "forest-cover/covtype.data.gz"))
    GTEST_SKIP() << "forest-cover/covtype.data.gz is not there";
  auto const d = read_csv(*folder / "forest-cover/covtype.data.gz");
  EXPECT_EQ(d.rows(), 581'012);
  EXPECT_EQ(d.columns(), 54);
  EXPECT_EQ(d.feature_names.front(), "Elevation");
  EXPECT_EQ(d.label_name, "Cover_Type");
  EXPECT_THAT(d.class_names, ElementsAre("1", "2", "3", "4", "5", "6", "7"));
  std::vector<int> counts(7);
  for (auto const label : d.labels) ++counts[label];
  EXPECT_THAT(counts, ElementsAre(211840, 283301, 35754, 2747, 9493, 17367, 20510));  // UCI's page
  EXPECT_NEAR(d.features.col(0).cast<double>().mean(), 2959.36, 0.01);
}

}  // namespace
}  // namespace canopy::data
