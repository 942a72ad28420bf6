#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/data/readers.hpp"
#include "canopy/data/source.hpp"

#include "files.hpp"
#include "support/real_data.hpp"

namespace canopy::data {
namespace {

using test::data_error;
using test::Folder;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Source source_of(std::string data, std::filesystem::path dir = "nowhere") {
  Source source;
  source.data = std::move(data);
  source.data_dir = std::move(dir);
  return source;
}

std::string load_error(Source const& source) {
  return data_error([&] { load(source, 1); });
}

void expect_equal(Dataset const& a, Dataset const& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.feature_names, b.feature_names);
  EXPECT_TRUE(a.features == b.features);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.class_names, b.class_names);
  EXPECT_EQ(a.label_name, b.label_name);
}

TEST(Load, MissingSetsSayWhatToDo) {
  EXPECT_THAT(
      load_error(source_of("forest-cover")),
      AllOf(HasSubstr("train.csv or covtype.data.gz or covtype.data in nowhere/forest-cover"),
            HasSubstr("run data/fetch.sh forest-cover, or use synthetic:forest-cover")));
  EXPECT_THAT(load_error(source_of("forest-cover-full")),
              HasSubstr("run data/fetch.sh forest-cover, or"));
  EXPECT_THAT(load_error(source_of("fashion-mnist")),
              AllOf(HasSubstr("train-images-idx3-ubyte.gz or train-images-idx3-ubyte in"),
                    HasSubstr("run data/fetch.sh fashion-mnist, or use synthetic:mnist")));
  EXPECT_THAT(
      load_error(source_of("forest-covr")),
      AllOf(HasSubstr("no such file or data set"), HasSubstr("did you mean 'forest-cover'")));
  EXPECT_THAT(load_error(source_of("synthetic:pines")), HasSubstr("no such file or data set"));
}

TEST(Load, GeneratorsTakeRows) {
  auto const loaded = load(source_of("synthetic:forest-cover,rows=700"), 3);
  EXPECT_EQ(loaded.train.rows(), 700);
  EXPECT_EQ(loaded.train.columns(), 54);
  EXPECT_EQ(loaded.train.name, "synthetic:forest-cover,rows=700");
  EXPECT_EQ(load(source_of("synthetic:forest-cover"), 3).train.rows(), 15120);
  auto const mnist = load(source_of("synthetic:mnist,rows=50"), 3);
  EXPECT_EQ(mnist.train.rows(), 50);
  ASSERT_TRUE(mnist.test);
  EXPECT_EQ(mnist.test->columns(), 784);
  for (std::string const bad : {",rows=0", ",rows=x", ",rows=", ",cols=3", ",", ",rows=1e9"})
    EXPECT_THAT(load_error(source_of("synthetic:forest-cover" + bad)), HasSubstr("',rows=N'"))
        << bad;
}

TEST(Load, GeneratorsFollowTheSeed) {
  auto const source = source_of("synthetic:forest-cover,rows=200");
  expect_equal(load(source, 1).train, load(source, 1).train);
  EXPECT_FALSE(load(source, 1).train.features == load(source, 2).train.features);
}

TEST(Load, FilesAreKnownByContent) {
  Folder const folder;
  auto source = source_of(folder.write("t.txt", "id,a,y\n1,5,0\n2,6,1\n").string());
  source.drop = {"id"};
  auto const table = load(source, 1).train;
  EXPECT_THAT(table.feature_names, ElementsAre("a"));
  write_hdf5(folder.path() / "t.bin", table);
  auto back = load(source_of((folder.path() / "t.bin").string()), 1).train;
  back.name = table.name;
  expect_equal(back, table);
  auto const images = folder.write("i", std::string("\0\0\x08\x03\0\0\0\1\0\0\0\1\0\0\0\1x", 17));
  EXPECT_THAT(load_error(source_of(images.string())),
              AllOf(HasSubstr("no class labels"), HasSubstr("labels-idx1")));
}

TEST(Load, DropAndLabelOfDataThatIsNoCsv) {
  auto source = source_of("synthetic:forest-cover,rows=100");
  auto const whole = load(source, 1).train;
  source.drop = {whole.feature_names[0], "3"};
  auto const cut = load(source, 1).train;
  EXPECT_EQ(cut.columns(), 52);
  EXPECT_EQ(cut.feature_names[0], whole.feature_names[1]);
  EXPECT_TRUE(cut.features.col(1) == whole.features.col(3));
  source.drop = {"nothing"};
  EXPECT_THAT(load_error(source), HasSubstr("no column 'nothing' for --drop"));
  source.drop.clear();
  source.label = "other";
  EXPECT_THAT(load_error(source), HasSubstr("expected '" + whole.label_name + "'"));
}

TEST(LoadRows, ByNameInTheModelsOrder) {
  Folder const folder;
  auto const path = folder.write("t.csv", "Id,b,extra,a\nx1,2,9,1\nx2,4,9,3\n").string();
  auto const got = load_rows(source_of(path), {"a", "b"}, "y", "Id", 1);
  Eigen::MatrixXf expected(2, 2);
  expected << 1, 2, 3, 4;
  EXPECT_EQ(got.rows.features, expected);
  EXPECT_THAT(got.id, ElementsAre("x1", "x2"));
  EXPECT_FALSE(got.rows.has_labels());
  EXPECT_THAT(load_rows(source_of(path), {"a"}, "extra", "", 1).rows.class_names, ElementsAre("9"));
  EXPECT_THAT(data_error([&] {
                load_rows(source_of(path), {"a", "c"}, "y", "", 1);
              }),
              HasSubstr("no column 'c'"));
  EXPECT_THAT(data_error([&] { load_rows(source_of(path), {"a"}, "y", "key", 1); }),
              HasSubstr("no column 'key' for the id"));
}

TEST(LoadRows, IdMayBeAFeature) {
  Folder const folder;
  auto const path = folder.write("t.csv", "a,b\n1,2\n03,4\n").string();
  auto const got = load_rows(source_of(path), {"b", "a"}, "y", "a", 1);
  EXPECT_THAT(got.id, ElementsAre("1", "03"));
  EXPECT_EQ(got.rows.features(1, 1), 3);
}

TEST(LoadRows, ByPlaceWithoutHeader) {
  Folder const folder;
  auto const path = folder.write("t.csv", "7,1,2,0\n8,3,4,1\n").string();
  auto const labelled = load_rows(source_of(path), {"a", "b", "c"}, "y", "", 1);
  EXPECT_THAT(labelled.rows.labels, ElementsAre(0, 1));
  EXPECT_THAT(labelled.rows.feature_names, ElementsAre("a", "b", "c"));
  auto const with_id = load_rows(source_of(path), {"a", "b", "c"}, "y", "1", 1);
  EXPECT_THAT(with_id.id, ElementsAre("7", "8"));
  EXPECT_FALSE(with_id.rows.has_labels());
  EXPECT_EQ(with_id.rows.features(1, 2), 1);
  EXPECT_THAT(data_error([&] { load_rows(source_of(path), {"a"}, "y", "", 1); }),
              HasSubstr("has 4 columns to use, expected the model's 1 features"));
}

TEST(SourceOptions, AreSaidOnce) {
  Source source;
  Options options;
  source.describe(options);
  EXPECT_THAT(options.names(), ElementsAre("data", "data-dir", "label", "drop"));
  options.set("drop", "Id,3");
  options.set("data_dir", "elsewhere");
  EXPECT_THAT(source.drop, ElementsAre("Id", "3"));
  EXPECT_EQ(source.data_dir, "elsewhere");
  EXPECT_EQ(named_sources().size(), 6u);
}

TEST(LoadRows, OfAnotherKindThanTheModelsAreRefused) {
  EXPECT_EQ(data_error([&] {
              load_rows(source_of("synthetic:mnist,rows=10"), {"Elevation"}, "Cover_Type", "", 1);
            }),
            "synthetic:mnist,rows=10: has no column 'Elevation', which is a feature of the model; "
            "give rows with the columns that it was trained on");
}

TEST(RealData, ForestCoverFromEitherFile) {
  auto const dir = test::real_data_dir();
  if (!dir || !std::filesystem::exists(*dir / "forest-cover/covtype.data.gz"))
    GTEST_SKIP() << "the forest cover data is not there";
  Folder const folder;
  std::filesystem::create_directories(folder.path() / "forest-cover");
  std::filesystem::create_symlink(std::filesystem::absolute(*dir / "forest-cover/covtype.data.gz"),
                                  folder.path() / "forest-cover/covtype.data.gz");
  auto const kaggle = load(source_of("forest-cover", *dir), 1).train;
  EXPECT_EQ(kaggle.rows(), 15120);
  EXPECT_EQ(kaggle.columns(), 54);
  expect_equal(kaggle, load(source_of("forest-cover", folder.path()), 1).train);
  auto const rows = load_rows(source_of("forest-cover", *dir), {"Slope"}, "Cover_Type", "Id", 1);
  EXPECT_EQ(rows.id.back(), "15120");
  EXPECT_EQ(rows.rows.labels, kaggle.labels);
}

TEST(RealData, Mnist) {
  auto const dir = test::real_data_dir();
  if (!dir || !std::filesystem::exists(*dir / "mnist")) GTEST_SKIP() << "mnist is not there";
  auto const loaded = load(source_of("mnist", *dir), 1);
  EXPECT_EQ(loaded.train.rows(), 60000);
  EXPECT_EQ(loaded.train.columns(), 784);
  ASSERT_TRUE(loaded.test);
  EXPECT_EQ(loaded.test->rows(), 10000);
  EXPECT_EQ(loaded.train.labels[0], 5);  // the page's first digits: 5 and 7
  EXPECT_EQ(loaded.test->labels[0], 7);
  auto const& pixels = loaded.train.features;
  EXPECT_EQ(*std::max_element(pixels.data(), pixels.data() + pixels.size()), 255);
  EXPECT_EQ(loaded.train.class_names, loaded.test->class_names);
}

}  // namespace
}  // namespace canopy::data
