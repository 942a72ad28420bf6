#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/data/partition.hpp"

#include "files.hpp"
#include "support/real_data.hpp"

namespace canopy::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Labels = std::vector<std::uint16_t>;

PartitionOptions options_of(std::string partition, std::string quantity = "equal") {
  PartitionOptions options;
  options.partition = std::move(partition);
  options.quantity = std::move(quantity);
  return options;
}

/// Rows of class c: counts[c], in mixed order.
Labels labels_with(std::vector<int> const& counts) {
  Labels labels;
  for (std::size_t c = 0; c < counts.size(); ++c)
    labels.insert(labels.end(), static_cast<std::size_t>(counts[c]), static_cast<std::uint16_t>(c));
  Stream{Key{3}}.shuffle(std::span{labels});
  return labels;
}

/// As many of each digit as MNIST's training set has.
Labels mnist_labels() {
  return labels_with({5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
}

Rows all_rows(std::size_t n) {
  Rows rows(n);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

Partition dealt(PartitionOptions const& options, int clients, Labels const& labels,
                std::uint64_t seed = 1, std::vector<std::uint32_t> const& groups = {}) {
  auto const classes = labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
  return make_partition(options, clients, all_rows(labels.size()), labels, classes, groups,
                        Key{seed});
}

std::vector<std::size_t> sizes_of(Partition const& partition) {
  std::vector<std::size_t> sizes;
  for (int k = 0; k < partition.clients(); ++k) sizes.push_back(partition.rows(k).size());
  return sizes;
}

std::size_t labels_of(Partition const& partition, int client, Labels const& labels) {
  std::set<std::uint16_t> found;
  for (auto const row : partition.rows(client)) found.insert(labels[row]);
  return found.size();
}

std::vector<double> distances(Partition const& partition, Labels const& labels, int classes) {
  std::vector<std::string> names;
  for (int c = 0; c < classes; ++c) names.push_back(std::to_string(c));
  auto const table = client_label_table(partition, labels, names);
  std::vector<double> emd;
  for (std::size_t k = 0; k < table.rows(); ++k) emd.push_back(table.number(k, "emd"));
  return emd;
}

double mean(std::vector<double> const& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

template <class Call>
std::string user_error(Call call) {
  try {
    call();
  } catch (UserError const& error) {
    return error.what();
  }
  ADD_FAILURE() << "no UserError was thrown";
  return "";
}

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
        EXPECT_THAT(user_error([&] { options.check(); }), HasSubstr("set --quantity equal"));
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
TEST(Shards, TwoOfMnistAreTwoDigitsForMostClients) {
  auto const labels = mnist_labels();
  auto const partition = dealt(options_of("shards:2"), 100, labels);
  EXPECT_THAT(sizes_of(partition), testing::Each(600u));
  int pure = 0;
  for (int k = 0; k < 100; ++k) {
    EXPECT_LE(labels_of(partition, k, labels), 4u);
    pure += labels_of(partition, k, labels) <= 2;
  }
  EXPECT_GE(pure, 91);
}

TEST(Shards, AreBlocksOfTheRowsSortedByClass) {
  Labels const labels{1, 0, 1, 0, 1, 0, 1, 0};
  auto const partition = dealt(options_of("shards:1"), 4, labels);
  std::vector<Rows> blocks;
  for (int k = 0; k < 4; ++k)
    blocks.emplace_back(partition.rows(k).begin(), partition.rows(k).end());
  EXPECT_THAT(blocks,
              testing::UnorderedElementsAre(Rows{1, 3}, Rows{5, 7}, Rows{0, 2}, Rows{4, 6}));
}

TEST(Labels, GiveEachClientSoManyAndEachClassEquallyManyClients) {
  auto const labels = mnist_labels();
  for (std::size_t each = 1; each <= 10; ++each) {
    auto const partition = dealt(options_of("labels:" + std::to_string(each)), 37, labels);
    std::vector<std::size_t> holders(10);
    for (int k = 0; k < 37; ++k) {
      std::set<std::uint16_t> own;
      for (auto const row : partition.rows(k)) own.insert(labels[row]);
      EXPECT_EQ(own.size(), each);
      for (auto const c : own) ++holders[c];
    }
    EXPECT_LE(std::ranges::max(holders) - std::ranges::min(holders), 1u) << each;
  }
}

// What FLUTE and FedProx train on: 1,000 clients of two digits, sizes by a heavy-tailed law.
TEST(Labels, WithLognormalSizesAreFedProxsData) {
  auto const labels = mnist_labels();
  auto const partition = dealt(options_of("labels:2", "lognormal:2"), 1000, labels);
  auto sizes = sizes_of(partition);
  for (int k = 0; k < 1000; ++k) EXPECT_EQ(labels_of(partition, k, labels), 2u);
  std::ranges::sort(sizes);
  EXPECT_GE(sizes.front(), 10u);
  EXPECT_LT(sizes[500], 30u);
  EXPECT_GT(sizes.back(), 1000u);
}

TEST(Dirichlet, OfALargeAlphaLooksIid) {
  auto const labels = mnist_labels();
  auto const partition = dealt(options_of("dirichlet:1000000"), 10, labels);
  for (auto const size : sizes_of(partition)) EXPECT_NEAR(static_cast<double>(size), 6000, 60);
  for (auto const emd : distances(partition, labels, 10)) EXPECT_LT(emd, 0.01);
}

TEST(Dirichlet, ConcentratesAsAlphaFalls) {
  auto const labels = mnist_labels();
  double last = 0;
  for (auto const* alpha : {"100", "10", "1", "0.1"}) {
    std::vector<double> all;
    for (std::uint64_t seed = 0; seed < 5; ++seed)
      all.push_back(mean(distances(
          dealt(options_of("dirichlet:" + std::string{alpha}), 10, labels, seed), labels, 10)));
    EXPECT_GT(mean(all), 1.5 * last) << alpha;
    last = mean(all);
  }
  EXPECT_GT(last, 1);
}

// One class: the share of a client is Beta(ALPHA, (K - 1) ALPHA).
TEST(Dirichlet, SharesVaryAsTheDistributionSays) {
  auto const labels = labels_with({2000});
  auto const options = options_of("dirichlet:2");
  double sum = 0;
  double squares = 0;
  int n = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed)
    for (auto const size : sizes_of(dealt(options, 5, labels, seed))) {
      auto const share = static_cast<double>(size) / 2000;
      sum += share;
      squares += share * share;
      ++n;
    }
  auto const average = sum / n;
  EXPECT_NEAR(average, 0.2, 1e-9);
  EXPECT_NEAR(squares / n - average * average, 0.2 * 0.8 / 11, 0.1 * 0.2 * 0.8 / 11);
}

TEST(Dirichlet, DrawsAgainUntilEveryClientHasTenRows) {
  auto const labels = mnist_labels();
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    EXPECT_GE(std::ranges::min(sizes_of(dealt(options_of("dirichlet:0.5"), 30, labels, seed))),
              10u);
}

TEST(InnerDirichlet, OfALargeAlphaLooksIidWhateverTheClasses) {
  auto const labels = labels_with({30'000, 10'000, 500});
  auto const partition = dealt(options_of("inner-dirichlet:1000000"), 10, labels);
  for (auto const emd : distances(partition, labels, 3)) EXPECT_LT(emd, 0.06);
}

TEST(InnerDirichlet, ConcentratesAsAlphaFallsAndKeepsSizes) {
  auto const labels = mnist_labels();
  double last = 0;
  for (auto const* alpha : {"100", "10", "1", "0.1", "0.001"}) {
    auto const partition = dealt(options_of("inner-dirichlet:" + std::string{alpha}), 1000, labels);
    EXPECT_THAT(sizes_of(partition), testing::Each(60u));
    auto const distance = mean(distances(partition, labels, 10));
    EXPECT_GT(distance, 1.1 * last) << alpha;
    last = distance;
  }
  EXPECT_GT(last, 1.7);
}

// Two classes of equally many rows, few of them dealt to the client in question: its share of the
// first is Beta(ALPHA, ALPHA), of variance 1 / (4 (2 ALPHA + 1)), plus what 60 draws add to it.
TEST(InnerDirichlet, SharesVaryAsTheDistributionSays) {
  auto const labels = labels_with({30'000, 30'000});
  auto const partition = dealt(options_of("inner-dirichlet:2"), 1000, labels);
  double squares = 0;
  for (int k = 0; k < 1000; ++k) {
    auto const first =
        std::ranges::count_if(partition.rows(k), [&](auto r) { return labels[r] == 0; });
    squares += std::pow(static_cast<double>(first) / 60 - 0.5, 2);
  }
  auto const expected = 0.05 + (0.25 - 0.05) / 60;
  EXPECT_NEAR(squares / 1000, expected, 0.15 * expected);
}

TEST(Quantity, EqualSizesDifferByOneAtMost) {
  for (auto const clients : {1, 3, 7, 64, 99, 100}) {
    auto const sizes = sizes_of(dealt(options_of("iid"), clients, labels_with({51, 50})));
    EXPECT_LE(std::ranges::max(sizes) - std::ranges::min(sizes), 1u) << clients;
  }
}

TEST(Quantity, PowerLawFallsByRank) {
  auto sizes = sizes_of(dealt(options_of("iid", "power:1.5"), 100, labels_with({60'000})));
  EXPECT_FALSE(std::ranges::is_sorted(sizes, std::greater{})) << "who is large is left to chance";
  std::ranges::sort(sizes, std::greater{});
  for (std::size_t r = 1; r < 100; ++r)
    EXPECT_NEAR(static_cast<double>(sizes[r] - 10),
                static_cast<double>(sizes[0] - 10) * std::pow(static_cast<double>(r + 1), -1.5), 2);
}

TEST(Quantity, WithoutSkewIsEqual) {
  auto const labels = labels_with({500, 500});
  for (auto const* none : {"power:0", "lognormal:0"})
    EXPECT_EQ(dealt(options_of("iid", none), 7, labels), dealt(options_of("iid"), 7, labels));
}

TEST(Quantity, NobodyStaysEmptyHoweverSkewed) {
  auto const labels = labels_with({700, 300});
  for (auto const* quantity : {"power:9", "lognormal:50", "dirichlet:0.001"})
    for (auto const* partition : {"iid", "contiguous", "labels:2", "inner-dirichlet:0.1"})
      for (auto const clients : {10, 400, 500})
        EXPECT_GE(
            std::ranges::min(sizes_of(dealt(options_of(partition, quantity), clients, labels))),
            clients == 10 ? 10u : 1u)
            << partition << ' ' << quantity << ' ' << clients;
}

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
  EXPECT_THAT(user_error([&] { make(3, all_rows(6)); }),
              AllOf(HasSubstr("each of the 4 groups"), HasSubstr("set it to 4")));
  EXPECT_THAT(user_error([&] { dealt(options_of("natural"), 0, labels); }),
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
  test::Folder const folder;
  Source source;
  source.data = "mnist";
  source.data_dir = folder.path();
  Dataset digits;
  digits.features.resize(2, 1);
  digits.labels = {5, 0};
  auto const error = [&] { return test::data_error([&] { natural_groups(source, digits); }); };
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
  auto const dir = test::real_data_dir();
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
  auto const dir = test::real_data_dir();
  if (!dir || !std::filesystem::exists(*dir / "forest-cover"))
    GTEST_SKIP() << "forest-cover is not there";
  Source source;
  source.data_dir = *dir;
  auto const set = load(source, 1).train;
  EXPECT_THAT(sizes_of(dealt(options_of("natural"), 4, set.labels, 1, natural_groups(source, set))),
              ElementsAre(3597, 499, 6349, 4675));
}

TEST(ClientTable, TellsRowsLabelsAndDistance) {
  Labels const labels{0, 0, 1, 1};
  Partition const partition{{0, 3, 4}, {0, 1, 2, 3}};
  auto const table = client_label_table(partition, labels, {"a", "b/c"});
  EXPECT_EQ(table.name(), "client_labels");
  EXPECT_THAT(table.column_names(), ElementsAre("client", "rows", "emd", "label_a", "label_b_c"));
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.number(0, "rows"), 3);
  EXPECT_EQ(table.number(0, "label_a"), 2);
  EXPECT_EQ(table.number(0, "label_b_c"), 1);
  EXPECT_DOUBLE_EQ(table.number(0, "emd"), 1.0 / 3);  // |2/3 - 1/2| + |1/3 - 1/2|
  EXPECT_EQ(table.number(1, "client"), 1);
  EXPECT_DOUBLE_EQ(table.number(1, "emd"), 1);  // |0 - 1/2| + |1 - 1/2|
}

TEST(ClientTable, DistanceOfOneLabelOfTenIsTheLargestThatThereIs) {
  auto const labels = labels_with(std::vector<int>(10, 30));
  for (auto const emd : distances(dealt(options_of("labels:1"), 10, labels), labels, 10))
    EXPECT_DOUBLE_EQ(emd, 1.8);  // |1 - 1/10| + 9 * 1/10
}

TEST(PartitionOptions, ThatCannotBeAreErrors) {
  auto const error = [](std::string partition, std::string quantity = "equal") {
    return user_error([&] { options_of(partition, quantity).check(); });
  };
  EXPECT_THAT(error("dirichelt:0.5"),
              AllOf(HasSubstr("--partition is 'dirichelt:0.5' (did you mean 'dirichlet'?)"),
                    HasSubstr("expected one of iid, contiguous, dirichlet:ALPHA")));
  for (auto const* word : {"dirichlet", "dirichlet:", "dirichlet:0", "dirichlet:-1",
                           "dirichlet:inf", "dirichlet:nan", "dirichlet:1:2"})
    EXPECT_THAT(error(word), HasSubstr("expected dirichlet:ALPHA with ALPHA more than 0")) << word;
  for (auto const* word : {"shards", "shards:0", "shards:1.5", "shards:two"})
    EXPECT_THAT(error(word), HasSubstr("expected shards:S with S a whole number from 1")) << word;
  EXPECT_THAT(error("iid:3"), HasSubstr("expected iid alone"));
  EXPECT_THAT(error("iid", "powr:1"), AllOf(HasSubstr("--quantity is"), HasSubstr("'power'")));
  EXPECT_THAT(error("iid", "power:-1"), HasSubstr("with EXPONENT from 0"));
  EXPECT_THAT(error("natural", "power:1"), HasSubstr("settles the sizes by itself"));
  auto noisy = PartitionOptions{};
  noisy.label_noise = 1.5;
  EXPECT_THAT(user_error([&] { noisy.check(); }), HasSubstr("--label-noise is '1.5'"));
}

TEST(Partition, ThatLeavesClientsEmptyIsAnError) {
  auto const labels = labels_with({60, 40});
  auto const error = [&](std::string partition, int clients) {
    return user_error([&] { dealt(options_of(partition), clients, labels); });
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
