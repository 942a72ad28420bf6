#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/files.hpp"
#include "data/partition/deals.hpp"
#include "support/complaint.hpp"
#include "support/real_data.hpp"

namespace canopy::data {
namespace {

using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Natural, MakesAClientOfEachGroupThatIsThere) {
  std::vector<std::uint32_t> const groups{9, 2, 9, 4, 2, 7};
  auto const labels = labels_with({6});
  auto const make = [&](int clients, Rows const& rows) {
    return make_partition(options_of("natural"), clients, rows, labels, 1, groups, Key{1});
  };
  auto const partition = make(0, all_rows(6));
  ASSERT_EQ(partition.clients(), 4);
  EXPECT_THAT(partition.rows(0), ElementsAre(1, 4));
  EXPECT_THAT(partition.rows(3), ElementsAre(0, 2));
  EXPECT_EQ(make(4, all_rows(6)), partition);
  EXPECT_EQ(make(0, {0, 1, 2}).clients(), 2);
  EXPECT_EQ(count_groups(Rows{0, 1, 2}, groups), 2);
  EXPECT_THAT(canopy::test::complaint([&] { make(3, all_rows(6)); }),
              AllOf(HasSubstr("each of the 4 groups"), HasSubstr("set it to 4")));
  EXPECT_THAT(canopy::test::complaint([&] { dealt(options_of("natural"), 0, labels); }),
              HasSubstr("does not tell what its rows come from"));
}

TEST(Natural, ForestCoverHasItsWildernessAreas) {
  Source source;
  source.data = "synthetic:forest-cover,rows=700";
  auto const set = load(source, 1).train;
  auto const groups = natural_groups(source, set);
  ASSERT_EQ(std::ssize(groups), 700);
  auto const first = std::ranges::find(set.feature_names, "Wilderness_Area1");
  for (std::size_t row = 0; row < 700; ++row)
    EXPECT_EQ(set.features(static_cast<Eigen::Index>(row),
                           first - set.feature_names.begin() + groups[row]),
              1);
  source.data = "synthetic:mnist,rows=10";
  EXPECT_TRUE(natural_groups(source, load(source, 1).train).empty());
}

TEST(Natural, WritersMustBeThoseOfTheDigits) {
  canopy::test::Folder const folder;
  Source source;
  source.data = "mnist";
  source.data_dir = folder.path();
  Dataset digits;
  digits.features.resize(2, 1);
  digits.labels = {5, 0};
  auto const error = [&] {
    return canopy::test::data_error([&] { natural_groups(source, digits); });
  };
  EXPECT_THAT(error(), AllOf(HasSubstr("who wrote which digit is not there"),
                             HasSubstr("run data/fetch.sh mnist")));
  auto const write = [&](std::string const& rows) {
    folder.write("mnist/mnist-train-writer.csv", "mnist_index,label,hsf_series,writer_id\n" + rows);
  };
  write("0,5,4,2154\n1,0,0,31\n");
  EXPECT_THAT(natural_groups(source, digits), ElementsAre(1, 0));
  write("0,5,4,2154\n1,4,0,31\n");
  EXPECT_THAT(error(), HasSubstr("line 3: the digit is another one"));
  write("0,5,4,2154\n");
  EXPECT_THAT(error(), HasSubstr("it tells of 1 digits, expected 2"));
}

TEST(RealData, MnistHas539Writers) {
  auto const dir = canopy::test::real_data_dir();
  if (!dir || !std::filesystem::exists(*dir / "mnist/mnist-train-writer.csv"))
    GTEST_SKIP() << "mnist/mnist-train-writer.csv is not there";
  Source source;
  source.data = "mnist";
  source.data_dir = *dir;
  auto const set = load(source, 1).train;
  auto const partition =
      dealt(options_of("natural"), 0, set.labels, 1, natural_groups(source, set));
  EXPECT_EQ(partition.clients(), 539);
  EXPECT_EQ(std::ranges::min(sizes_of(partition)), 19u);
  EXPECT_EQ(std::ranges::max(sizes_of(partition)), 131u);
}

TEST(RealData, ForestCoverHasFourWildernessAreas) {
  auto const dir = canopy::test::real_data_dir();
  if (!dir || !std::filesystem::exists(*dir / "forest-cover"))
    GTEST_SKIP() << "forest-cover is not there";
  Source source;
  source.data_dir = *dir;
  auto const set = load(source, 1).train;
  EXPECT_THAT(sizes_of(dealt(options_of("natural"), 4, set.labels, 1, natural_groups(source, set))),
              ElementsAre(3597, 499, 6349, 4675));
}

}  // namespace
}  // namespace canopy::data
