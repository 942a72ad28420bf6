#include <algorithm>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/partition/deals.hpp"
#include "support/complaint.hpp"

namespace canopy::data {
namespace {

using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A form with a number for its parameter.
std::string example(std::string const& form) {
  auto const number = form.ends_with(":ALPHA") ? "3" : form.ends_with(":BETA") ? "1.5" : "2";
  return form.substr(0, form.find(':') + 1) + (form.find(':') == form.npos ? form : number);
}

bool go_together(PartitionOptions const& options) {
  return options.quantity == "equal" ||
         (options.partition != "natural" && !options.partition.starts_with("shards"));
}

bool leaves_to_chance(PartitionOptions const& options) {
  if (options.partition == "contiguous") return options.quantity != "equal";
  return options.partition != "natural";
}

void expect_every_row_once(Partition const& partition, Rows const& rows) {
  Rows all;
  for (int k = 0; k < partition.clients(); ++k) {
    auto const own = partition.rows(k);
    EXPECT_FALSE(own.empty());
    EXPECT_TRUE(std::ranges::is_sorted(own));
    all.insert(all.end(), own.begin(), own.end());
  }
  EXPECT_TRUE(std::ranges::equal(all, partition.all_rows()));
  std::ranges::sort(all);
  EXPECT_EQ(all, rows);
}

/// Clients, and every how many-th row is not to be dealt.
using Size = std::tuple<int, std::uint32_t>;
class Kinds : public testing::TestWithParam<Size> {};

TEST_P(Kinds, DealEveryRowOnceByTheirKey) {
  auto const [clients, left_out] = GetParam();
  auto const labels = labels_with({703, 900, 391, 6, 0});
  Rows rows;
  std::vector<std::uint32_t> groups;
  for (std::uint32_t row = 0; row < labels.size(); ++row) {
    groups.push_back(7 * (row / 10 % static_cast<std::uint32_t>(clients)));
    if (row % left_out != 1) rows.push_back(row);
  }
  for (auto const& partition : partition_kinds())
    for (auto const& quantity : quantity_kinds()) {
      auto const options = options_of(example(partition.form), example(quantity.form));
      SCOPED_TRACE(options.partition + ", " + options.quantity);
      if (!go_together(options)) {
        EXPECT_THAT(canopy::test::complaint([&] { options.check(); }),
                    HasSubstr("set --quantity equal"));
        continue;
      }
      auto const make = [&](std::uint64_t seed) {
        return make_partition(options, clients, rows, labels, 5, groups, Key{seed});
      };
      auto const first = make(0);
      bool differs = false;
      for (std::uint64_t seed = 0; seed < 8; ++seed) {
        auto const dealt = make(seed);
        EXPECT_EQ(dealt.clients(), clients);
        expect_every_row_once(dealt, rows);
        differs = differs || !(dealt == first);
      }
      EXPECT_EQ(make(0), first);
      EXPECT_EQ(differs, leaves_to_chance(options));
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Kinds,
                         testing::Combine(testing::Values(2, 7, 40), testing::Values(2u, 5u)));

TEST(Partition, OfOneClientIsAllRows) {
  auto const labels = labels_with({5, 6});
  for (auto const* kind :
       {"iid", "contiguous", "dirichlet:0.1", "inner-dirichlet:0.1", "shards:3", "labels:2"})
    EXPECT_THAT(sizes_of(dealt(options_of(kind), 1, labels)), ElementsAre(11)) << kind;
}

TEST(Partition, IsTheSameOnEveryMachine) {
  auto const labels = Labels{0, 1, 2, 0, 1, 2, 0, 1};
  auto const rows = [&](char const* kind) {
    auto const partition = dealt(options_of(kind), 3, labels);
    return Rows{partition.all_rows().begin(), partition.all_rows().end()};
  };
  EXPECT_THAT(rows("iid"), ElementsAre(3, 5, 2, 4, 7, 0, 1, 6));
  EXPECT_THAT(rows("shards:2"), ElementsAre(1, 3, 6, 2, 4, 5, 0, 7));
  EXPECT_THAT(rows("labels:2"), ElementsAre(2, 3, 0, 6, 7, 1, 4, 5));
}

TEST(Partition, ContiguousIsBlocksInOrder) {
  auto const partition = dealt(options_of("contiguous"), 3, labels_with({10}));
  EXPECT_THAT(partition.rows(0), ElementsAre(0, 1, 2));
  EXPECT_THAT(partition.rows(1), ElementsAre(3, 4, 5));
  EXPECT_THAT(partition.rows(2), ElementsAre(6, 7, 8, 9));
}

TEST(Partition, IidClientsLookLikeTheWhole) {
  auto const labels = mnist_labels();
  auto const partition = dealt(options_of("iid"), 10, labels);
  EXPECT_THAT(sizes_of(partition), testing::Each(6000u));
  for (auto const emd : distances(partition, labels, 10)) EXPECT_LT(emd, 0.06);
}

// McMahan et al. 2017, section 3: "most clients will only have examples of two digits". Classes do
// not end where shards do, so nine of the 200 shards hold two.

TEST(Partition, ThatLeavesClientsEmptyIsAnError) {
  auto const labels = labels_with({60, 40});
  auto const error = [&](std::string partition, int clients) {
    return canopy::test::complaint([&] { dealt(options_of(partition), clients, labels); });
  };
  EXPECT_THAT(error("iid", 0), HasSubstr("--clients is 0, expected at least 1"));
  EXPECT_THAT(error("iid", 101), HasSubstr("--clients is 101 but there are 100 rows"));
  EXPECT_THAT(error("dirichlet:0.001", 50),
              AllOf(HasSubstr("--partition dirichlet:0.001 leaves "),
                    HasSubstr(" of 50 clients without any row"),
                    HasSubstr("fewer clients, or a larger ALPHA, or inner-dirichlet:ALPHA")));
  EXPECT_THAT(error("shards:2", 51), HasSubstr("makes 102 shards of 100 rows"));
  EXPECT_NO_THROW(dealt(options_of("shards:2"), 50, labels));
  EXPECT_THAT(error("labels:3", 10), HasSubstr("the rows are of 2 classes"));
  EXPECT_THAT(error("labels:1", 1), HasSubstr("room for 1 of 2 classes"));
}

TEST(Partition, IsDealtToThousandsOfClients) {
  Labels labels(200'000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint16_t>(i % 10);
  for (auto const* kind : {"iid", "dirichlet:2", "inner-dirichlet:0.1", "shards:2", "labels:2"})
    EXPECT_EQ(dealt(options_of(kind), 20'000, labels).clients(), 20'000) << kind;
}

}  // namespace
}  // namespace canopy::data
