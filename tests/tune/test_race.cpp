#include <cmath>
#include <functional>
#include <numeric>

#include <gmock/gmock.h>

#include "canopy/core/random.hpp"
#include "canopy/tune/race.hpp"

#include "support/complaint.hpp"

namespace canopy::tune {
namespace {

using ::testing::HasSubstr;
using Bits = std::vector<bool>;

/// A fold of which these rows were predicted right.
FoldScore fold_of(Bits const& right) {
  FoldScore fold;
  fold.right.resize((right.size() + 63) / 64);
  std::int64_t correct = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    fold.right[i / 64] |= std::uint64_t{right[i]} << i % 64;
    correct += right[i];
  }
  auto const rows = static_cast<std::int64_t>(right.size());
  fold.confusion = {correct, rows - correct, 0, 0};
  fold.score = static_cast<double>(correct) / static_cast<double>(rows);
  return fold;
}

FoldScore fold_of_score(double score) {
  FoldScore fold;
  fold.score = score;
  return fold;
}

std::vector<FoldScore const*> pointers(std::vector<FoldScore> const& folds) {
  std::vector<FoldScore const*> all;
  for (auto const& fold : folds) all.push_back(&fold);
  return all;
}

RaceSettings settings(int trials, double margin = 0) {
  RaceSettings result;
  result.trials = trials;
  result.margin = margin;
  return result;
}

// ---- rows compared

Bits random_bits(Stream& stream, std::size_t rows, double chance) {
  Bits bits(rows);
  for (auto&& bit : bits) bit = stream.uniform() < chance;
  return bits;
}

TEST(PairedRows, AreCountedAsByALoop) {
  Stream stream{Key{1}};
  for (std::size_t const rows : {1u, 63u, 64u, 65u, 128u, 3024u}) {
    auto const trial = random_bits(stream, rows, 0.8);
    auto const incumbent = random_bits(stream, rows, 0.7);
    PairedRows expected;
    for (std::size_t i = 0; i < rows; ++i) {
      expected.won += trial[i] && !incumbent[i];
      expected.lost += !trial[i] && incumbent[i];
      expected.tied += trial[i] == incumbent[i];
    }
    EXPECT_EQ(paired_rows(fold_of(trial), fold_of(incumbent)), expected) << rows << " rows";
  }
}

TEST(PairedRows, AreNotGuessed) {
  auto const fold = fold_of({true, false});
  auto forgetful = fold;
  forgetful.right.clear();
  EXPECT_THROW(paired_rows(fold, forgetful), std::logic_error);
  EXPECT_THROW(paired_rows(forgetful, fold), std::logic_error);
}

TEST(Evidence, IsWhatAGamblerHasWhoBetsRowByRowInAnyOrder) {
  std::vector<int> outcomes(500, 0);
  std::fill_n(outcomes.begin(), 30, 1);
  std::fill_n(outcomes.begin() + 30, 55, -1);
  for (auto const margin : {0.0, 0.01}) {
    auto const closed = log_evidence_of_worse({30, 55, 415}, margin);
    for (std::uint64_t order = 0; order < 3; ++order) {
      Stream{Key{order}}.shuffle(std::span{outcomes});
      double sum = 0;
      for (auto const fraction : {0.05, 0.1, 0.2, 0.4, 0.8})
        sum += std::accumulate(outcomes.begin(), outcomes.end(), 1.0, [&](double stake, int x) {
          return stake * (1 + fraction * (margin - x));
        });
      EXPECT_NEAR(closed, std::log(sum / 5), 1e-9);
    }
  }
}

TEST(Evidence, IsNoneWithoutRowsAndGrowsWithWhatIsLost) {
  EXPECT_NEAR(log_evidence_of_worse({0, 0, 100}, 0), 0, 1e-12);
  EXPECT_LT(log_evidence_of_worse({60, 60, 0}, 0), 0);
  EXPECT_LT(log_evidence_of_worse({90, 60, 0}, 0), log_evidence_of_worse({60, 90, 0}, 0));
  EXPECT_GT(log_evidence_of_worse({60, 60, 5000}, 0.05), 0) << "not better by as much as that";
  EXPECT_TRUE(std::isfinite(log_evidence_of_worse({500'000, 0, 0}, 0)));
  EXPECT_TRUE(std::isfinite(log_evidence_of_worse({0, 500'000, 0}, 0)));
}

// ---- error and power of the test, by simulation

constexpr int folds = 5;
constexpr std::size_t rows_per_fold = 400;
constexpr int runs = 2000;

/// A trial and an incumbent over all folds. In each row they differ with the chance `discordance`,
/// and then the trial is the one that is right with the chance `wins`.
struct Pair {
  Pair(Key key, double discordance, double wins) {
    Stream stream{key};
    for (int f = 0; f < folds; ++f) {
      Bits a(rows_per_fold);
      Bits b(rows_per_fold);
      for (std::size_t i = 0; i < rows_per_fold; ++i) {
        auto const u = stream.uniform() / discordance;
        a[i] = u < wins || (u >= 1 && i % 4 != 0);
        b[i] = (u >= wins && u < 1) || (u >= 1 && i % 4 != 0);
      }
      trial.push_back(fold_of(a));
      incumbent.push_back(fold_of(b));
    }
  }
  std::vector<FoldScore> trial;
  std::vector<FoldScore> incumbent;
};

using Rule = std::function<bool(Race::Folds so_far, Race::Folds incumbent)>;

/// After how many folds the trial is rejected, folds + 1 if never.
int rejected_after(Rule const& rule, std::vector<FoldScore> const& trial,
                   std::vector<FoldScore> const& incumbent) {
  auto const a = pointers(trial);
  auto const b = pointers(incumbent);
  for (std::size_t f = 1; f <= a.size(); ++f)
    if (rule(std::span{a}.first(f), b)) return static_cast<int>(f);
  return folds + 1;
}

/// In which share of `runs` pairs the trial is rejected within the first `looks` folds.
double rejected_share(Rule const& rule, double discordance, double wins, int looks = folds) {
  int rejected = 0;
  for (int run = 0; run < runs; ++run) {
    Pair const pair{Key{11}.with(static_cast<std::uint64_t>(run)), discordance, wins};
    rejected += rejected_after(rule, pair.trial, pair.incumbent) <= looks;
  }
  return static_cast<double>(rejected) / runs;
}

Rule rows_rule(RaceSettings const& settings) {
  return [race = std::shared_ptr{races().make("rows", settings)}](Race::Folds so_far,
                                                                  Race::Folds incumbent) {
    return race->reject(so_far, incumbent).has_value();
  };
}

/// What one must not do: the usual one-sided test at 5 %, anew after each fold.
bool naive(Race::Folds so_far, Race::Folds incumbent) {
  PairedRows all;
  for (std::size_t f = 0; f < so_far.size(); ++f) all += paired_rows(*so_far[f], *incumbent[f]);
  auto const lead = static_cast<double>(all.lost - all.won);
  return lead > 1.645 * std::sqrt(static_cast<double>(all.lost + all.won));
}

TEST(RowsRace, ErrsOnFewerThanAlphaOf2000Equals) {
  for (auto const discordance : {0.01, 0.05, 0.2}) {
    EXPECT_LE(rejected_share(rows_rule(settings(1)), discordance, 0.5), 0.05) << discordance;
    EXPECT_GT(rejected_share(naive, discordance, 0.5), 0.05) << "these runs tell a bad rule";
  }
}

TEST(RowsRace, ErrsOnFewerThanAlphaOf2000ThatAreBetterByTheMarginOnly) {
  // 0.1 x (0.6 - 0.4) = 0.02
  EXPECT_LE(rejected_share(rows_rule(settings(1, 0.02)), 0.1, 0.6), 0.05);
  EXPECT_GT(rejected_share(rows_rule(settings(1, 0.1)), 0.1, 0.6), 0.9) << "less than the margin";
}

/// The incumbent is whoever of `many` equals was luckiest on the very rows of the race.
TEST(RowsRace, LosesTheBestSeldomEvenToAnIncumbentChosenByItsLuck) {
  constexpr int many = 16;
  std::vector<FoldScore> all[many];
  int rejected = 0;
  int rejected_naively = 0;
  for (int run = 0; run < runs / 4; ++run) {
    for (int m = 0; m < many; ++m) {
      all[m] = Pair{Key{12}.with(std::uint64_t(run)).with(std::uint64_t(m)), 0.1, 0.5}.trial;
    }
    auto const luckiest = std::max_element(all + 1, all + many, [](auto const& a, auto const& b) {
      auto const add = [](double sum, FoldScore const& fold) { return sum + fold.score; };
      return std::accumulate(a.begin(), a.end(), 0.0, add) <
             std::accumulate(b.begin(), b.end(), 0.0, add);
    });
    rejected += rejected_after(rows_rule(settings(many)), all[0], *luckiest) <= folds;
    rejected_naively += rejected_after(naive, all[0], *luckiest) <= folds;
  }
  EXPECT_LE(rejected, 0.05 * runs / 4);
  EXPECT_GT(rejected_naively, 0.2 * runs / 4);
}

TEST(RowsRace, FindsTheWorseInTheFirstFoldsAndNeverTheBetter) {
  // Six points behind in rows right: 0.1 x (0.8 - 0.2).
  EXPECT_GT(rejected_share(rows_rule(settings(64)), 0.1, 0.2, 2), 0.9);
  EXPECT_EQ(rejected_share(rows_rule(settings(64)), 0.1, 0.8), 0);
  EXPECT_LT(rejected_share(rows_rule(settings(64)), 0.1, 0.2, 1),
            rejected_share(rows_rule(settings(1)), 0.1, 0.2, 1))
      << "more trials ask for more evidence";
}

TEST(RowsRace, SaysWhatItSaw) {
  Bits good(200, true);
  Bits bad(200, true);
  for (std::size_t i = 0; i < 60; ++i) bad[i] = false;
  good[60] = false;
  std::vector<FoldScore> const trial{fold_of(bad)};
  std::vector<FoldScore> const incumbent{fold_of(good), fold_of(good)};
  auto const race = races().make("rows", settings(64));
  EXPECT_THAT(race->reject(pointers(trial), pointers(incumbent)).value(),
              HasSubstr("1 rows won and 60 lost to the incumbent in 1 folds"));
  EXPECT_EQ(race->reject(pointers({incumbent[0]}), pointers({trial[0], trial[0]})), std::nullopt);
}

TEST(RowsRace, CountsEveryRowOnce) {
  Pair const pair{Key{1}, 0.05, 0.35};
  auto const looks = [&](int repeats) {
    std::vector<FoldScore> trial;
    std::vector<FoldScore> incumbent;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      trial.insert(trial.end(), pair.trial.begin(), pair.trial.end());
      incumbent.insert(incumbent.end(), pair.incumbent.begin(), pair.incumbent.end());
    }
    return races().make("rows", settings(64))->reject(pointers(trial), pointers(incumbent));
  };
  EXPECT_EQ(looks(1), std::nullopt);
  EXPECT_EQ(looks(8), std::nullopt) << "what is repeated proves nothing";
}

TEST(RowsRace, RefusesScoresThatAreNoCountOfRows) {
  auto other = settings(64);
  other.scoring = "f1_macro";
  EXPECT_EQ(test::complaint([&] { races().make("rows", other); }),
            "--race rows compares which rows are predicted right and --scoring f1_macro asks for "
            "more; use --race forgiving");
}

// ---- the other rules

TEST(ForgivingRace, StopsBelowTheWorstFoldOfTheIncumbent) {
  auto const race = races().make("forgiving", settings(64));
  std::vector<FoldScore> const incumbent{fold_of_score(0.9), fold_of_score(0.8),
                                         fold_of_score(0.85)};
  auto const verdict = [&](std::vector<double> const& scores) {
    std::vector<FoldScore> trial;
    for (auto const score : scores) trial.push_back(fold_of_score(score));
    return race->reject(pointers(trial), pointers(incumbent));
  };
  EXPECT_EQ(verdict({0.5}), "mean 0.5000 of 1 folds, below the incumbent's worst, 0.8000");
  EXPECT_EQ(verdict({0.8}), std::nullopt) << "as good as the worst fold";
  EXPECT_EQ(verdict({0.9, 0.75}), std::nullopt);
  EXPECT_NE(verdict({0.9, 0.69}), std::nullopt) << "the mean is 0.795";
  EXPECT_EQ(verdict({}), std::nullopt);
}

TEST(Races, NoneStopsNothingAndHelpNamesThemAll) {
  std::vector<FoldScore> const worst{fold_of_score(-1)};
  std::vector<FoldScore> const best{fold_of_score(1)};
  EXPECT_EQ(races().make("none", settings(1))->reject(pointers(worst), pointers(best)),
            std::nullopt);
  EXPECT_EQ(races().names(), (std::vector<std::string>{"none", "forgiving", "rows"}));
}

}  // namespace
}  // namespace canopy::tune
