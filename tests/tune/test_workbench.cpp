#include <set>

#include <gmock/gmock.h>

#include "canopy/train/forest_by_trees.hpp"
#include "canopy/tune/forest_learner.hpp"
#include "canopy/tune/workbench.hpp"

#include "forest/tables.hpp"

namespace canopy::tune {
namespace {

/// Half of some rows take part in a search by three folds.
struct Fixture {
  Fixture() {
    for (data::RowIndex row = 0; row < 240; row += 2) rows.push_back(row);
    settings.folds = 3;
    settings.verdict_repeats = 2;
  }

  Workbench bench(std::uint64_t seed = 1) const { return {data, rows, settings, seed}; }

  static FoldScore score(Workbench const& bench, Task::Kind kind, int fold) {
    return from_bytes<FoldScore>(bench.work({kind, {{"n_estimators", "5"}}, fold}, {}));
  }

  data::Dataset set = forest::test::mixed(240, 3, 5);
  LearnerData data{data::EncodedTable::encode(set), set.class_names, set.feature_names};
  data::Rows rows;
  SearchSettings settings;
};

std::int64_t rows_of(FoldScore const& score) {
  std::int64_t sum = 0;
  for (auto const count : score.confusion) sum += count;
  return sum;
}

TEST(Workbench, EveryRankWouldDoTheSame) {
  Fixture const fixture;
  auto const one = fixture.bench();
  auto const other = fixture.bench();
  for (auto const kind : {Task::Kind::fold, Task::Kind::fresh_fold})
    for (int fold = 0; fold < 3; ++fold) {
      auto const a = Fixture::score(one, kind, fold);
      auto const b = Fixture::score(other, kind, fold);
      EXPECT_EQ(a.score, b.score);
      EXPECT_EQ(a.right, b.right);
    }
  EXPECT_NE(Fixture::score(one, Task::Kind::fold, 0).right,
            Fixture::score(fixture.bench(2), Task::Kind::fold, 0).right);
}

TEST(Workbench, FoldsHoldEachRowOfTheSearchOutOnceAndNoOther) {
  Fixture const fixture;
  auto const bench = fixture.bench();
  std::int64_t held_out = 0;
  for (int fold = 0; fold < 3; ++fold)
    held_out += rows_of(Fixture::score(bench, Task::Kind::fold, fold));
  EXPECT_EQ(held_out, std::ssize(fixture.rows));
}

TEST(Workbench, TheVerdictHasFoldsOfItsOwn) {
  Fixture const fixture;
  auto const bench = fixture.bench();
  std::set<std::vector<std::uint64_t>> different;
  for (int fold = 0; fold < 6; ++fold)
    different.insert(Fixture::score(bench, Task::Kind::fresh_fold, fold).right);
  for (int fold = 0; fold < 3; ++fold)
    different.insert(Fixture::score(bench, Task::Kind::fold, fold).right);
  EXPECT_EQ(different.size(), 9u);
  EXPECT_THROW(Fixture::score(bench, Task::Kind::fresh_fold, 6), std::out_of_range);
}

TEST(Workbench, TreesOfAFinalModelDoNotDependOnWhoGrowsWhich) {
  Fixture const fixture;
  auto const bench = fixture.bench();
  auto const trees = [&](int first, int last) {
    return train::trees_from_bytes(
        bench.work({Task::Kind::trees, {{"n_estimators", "4"}}, 0, false, first, last}, {}));
  };
  auto const all = trees(0, 4);
  auto const part = trees(2, 4);
  ASSERT_EQ(all.size(), 4u);
  ASSERT_EQ(part.size(), 2u);
  EXPECT_TRUE(all[2] == part[0] && all[3] == part[1]);
  EXPECT_FALSE(all[0] == all[1]);
}

TEST(Workbench, AFoldThatTakesTooLongFails) {
  Fixture fixture;
  fixture.settings.task_timeout = 1e-6;
  EXPECT_THROW(Fixture::score(fixture.bench(), Task::Kind::fold, 0), std::runtime_error);
}

}  // namespace
}  // namespace canopy::tune
