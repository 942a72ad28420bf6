// The out-of-bag curve against its plain definition.
#include <gtest/gtest.h>

#include "canopy/forest/forest.hpp"
#include "canopy/forest/out_of_bag.hpp"

#include "tables.hpp"

namespace canopy::forest {
namespace {

TEST(OutOfBagCurve, IsTheScoreOfEveryPrefix) {
  auto const set = test::mixed(400, 4, 2);
  auto const table = EncodedTable::encode(set);
  auto const rows = test::all_rows(table);
  for (auto const* class_weight : {"none", "balanced_subsample"}) {
    auto const parameters = test::parameters(
        {{"n-estimators", "25"}, {"class-weight", class_weight}, {"min-samples-leaf", "2"}});
    auto const forest = test::grow(set, parameters, 9);
    auto const curve = forest.oob_curve(table, rows, Key{9});
    auto const voted = rows_with_vote(parameters, rows.size(), Key{9});
    ASSERT_EQ(curve.size(), 25u);
    ASSERT_EQ(voted.size(), 25u);
    for (std::size_t n = 1; n <= curve.size(); ++n) {
      Forest const prefix{
          parameters,
          {forest.trees().begin(), forest.trees().begin() + static_cast<std::ptrdiff_t>(n)},
          set.class_names,
          set.feature_names};
      auto const expected = prefix.out_of_bag(table, rows, Key{9});
      EXPECT_EQ(curve[n - 1], expected.score) << n << " trees";
      EXPECT_EQ(voted[n - 1], 400 - expected.rows_without_vote) << n << " trees";
    }
    EXPECT_GT(curve.back(), curve.front() + 0.1);
    EXPECT_LT(voted.front(), 250) << "a bootstrap has some 63 % of the rows";
  }
}

TEST(OutOfBagCurve, NeedsABootstrap) {
  auto const set = test::mixed(60, 3, 2);
  auto const table = EncodedTable::encode(set);
  auto const forest = test::grow(set, test::parameters({{"bootstrap", "false"}}));
  EXPECT_THROW(forest.oob_curve(table, test::all_rows(table), Key{1}), UserError);
  EXPECT_THROW(rows_with_vote(forest.parameters(), 60, Key{1}), UserError);
}

}  // namespace
}  // namespace canopy::forest
