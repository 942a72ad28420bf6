// Trees in the codes of a table: what goes left, and where rows arrive.
#include <map>
#include <numeric>

#include <gtest/gtest.h>

#include "model/descend.hpp"
#include "model/leaves.hpp"
#include "model/packed_tree.hpp"
#include "model/reached_leaves.hpp"
#include "tables.hpp"

namespace canopy::forest {
namespace {

template <class Code>
class PackedTrees : public testing::Test {};
using Widths = testing::Types<std::uint16_t, std::uint32_t>;
TYPED_TEST_SUITE(PackedTrees, Widths);

TYPED_TEST(PackedTrees, SendLeftWhatIsAtMostTheThreshold) {
  auto const set = test::mixed(60, 2, 5);
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  PackedRows<TypeParam> const packed{table, rows};
  for (int f = 0; f < set.columns(); ++f)
    for (float const value : {-1e9f, -0.5f, 0.0f, 0.5f, 1.0f, 3.0f, 1e9f, set.features(7, f)})
      for (std::uint32_t const known : {0u, 5u, 1'000'000u}) {  // right for few of the thresholds
        Node const node{.threshold = value, .feature = f, .code_threshold = known};
        auto const step = PackedTree<TypeParam>::split(node, 9, table);
        for (std::size_t i = 0; i < packed.size(); ++i)
          EXPECT_EQ(step.move(packed.row(i)), set.features(rows[i], f) <= value ? 1u : 9u)
              << "feature " << f << ", threshold " << value << ", row " << i;
      }
}

/// What the rows bring home, each of them once.
template <class Descend>
std::map<std::uint32_t, std::uint32_t> payloads(Descend descend) {
  std::map<std::uint32_t, std::uint32_t> result;
  descend([&](std::uint32_t row, std::uint32_t payload) {
    EXPECT_TRUE(result.emplace(row, payload).second) << "row " << row << " comes twice";
  });
  return result;
}

/// Of 5,000 rows: all, every third, few far apart, one, none, and all in descending order.
std::vector<std::vector<std::uint32_t>> selections() {
  std::vector<std::uint32_t> all(5000);
  std::iota(all.begin(), all.end(), 0u);
  std::vector<std::uint32_t> third;
  for (std::uint32_t i = 1; i < all.size(); i += 3) third.push_back(i);
  return {all, third, {3, 2050, 2051, 4999}, {4321}, {}, {all.rbegin(), all.rend()}};
}

TYPED_TEST(PackedTrees, TakeRowsToTheirLeaves) {
  auto const set = test::mixed(5000, 4, 6);
  auto const table = EncodedTable::encode(set);
  auto const parameters = test::parameters({{"n-estimators", "1"}, {"min-samples-leaf", "2"}});
  auto const tree = test::grow(set, parameters).trees().front();
  PackedRows<TypeParam> const rows{table, test::all_rows(table)};
  PackedTree<TypeParam> const packed{tree, PackedColumns<TypeParam>{table}};
  ReachedLeaves leaves{rows.size(), 4};
  for (auto const& which : selections()) {
    auto const reached = payloads([&](auto reach) { descend(packed.steps(), rows, which, reach); });
    EXPECT_EQ(reached,
              payloads([&](auto reach) { descend_in_lanes(packed.steps(), rows, which, reach); }));
    EXPECT_EQ(reached.size(), which.size());
    std::vector<double> sums(5000 * 4, 1.0);
    auto expected = sums;
    for (int times = 0; times < 3; ++times) leaves.descend(packed, rows, which);
    leaves.add_to(sums.data());
    for (int times = 0; times < 3; ++times)
      for (auto const row : which) {
        Eigen::RowVectorXf const values = set.features.row(row);
        add_leaf(tree, leaf_of(tree, values.data()), expected.data() + row * 4);
      }
    EXPECT_EQ(sums, expected);
  }
}

TYPED_TEST(PackedTrees, TakeRowsToLeavesThatAreNearTheRoot) {
  auto const set = test::mixed(500, 4, 6);
  auto const table = EncodedTable::encode(set);
  PackedRows<TypeParam> const rows{table, test::all_rows(table)};
  std::vector<std::uint32_t> which(500);
  std::iota(which.begin(), which.end(), 0u);
  for (auto const* const least : {"2", "50", "150", "400", "501"}) {  // the last: a root alone
    auto const parameters = test::parameters({{"n-estimators", "1"}, {"min-samples-split", least}});
    auto const tree = test::grow(set, parameters).trees().front();
    PackedTree<TypeParam> const packed{tree, PackedColumns<TypeParam>{table}};
    EXPECT_EQ(payloads([&](auto reach) { descend(packed.steps(), rows, which, reach); }),
              payloads([&](auto reach) { descend_in_lanes(packed.steps(), rows, which, reach); }))
        << "min_samples_split " << least;
  }
}

TEST(Descend, ReachesTheLastNodeOfTreesThatDoNotFitAVectorsLane) {
  using Steps = PackedTree<std::uint16_t>;
  auto const table = EncodedTable::encode(test::mixed(40, 2, 5));
  PackedRows<std::uint16_t> const rows{table, test::all_rows(table)};
  for (auto const nodes : {1u << 21, (1u << 21) + 1}) {
    auto const no_block = table.blocks().size();
    std::vector<Steps::Step> steps(nodes, Steps::made(1, 0, no_block, -1));
    steps.front() = Steps::made(0, 0, no_block, nodes - 2);  // nothing goes left
    steps.back() = Steps::made(2, 0, no_block, -1);
    std::vector<std::uint32_t> const which{0, 39};
    auto const reached = payloads(
        [&](auto reach) { descend(std::span<Steps::Step const>{steps}, rows, which, reach); });
    EXPECT_EQ(reached, (std::map<std::uint32_t, std::uint32_t>{{0, 2}, {39, 2}}));
  }
}

}  // namespace
}  // namespace canopy::forest
