#include <cmath>

#include <gmock/gmock.h>

#include "canopy/core/random.hpp"
#include "canopy/tune/verdict.hpp"

namespace canopy::tune {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// ---- tests

// scipy 1.10.1, d as below:
//   se = np.sqrt((1/10 + 1/4) * d.var(ddof=1)); 2 * t.sf(d.mean() / se, 9)
//   t.interval(.95, 9, d.mean(), se)
TEST(CorrectedGain, IsWhatScipyMakesOfTheFormula) {
  std::vector<double> const d{.012, .004, .009, -.002, .011, .006, .013, .001, .008, .005};
  auto const gain = corrected_gain(d, 0.25);
  EXPECT_NEAR(gain.mean, 0.0067, 1e-15);
  EXPECT_NEAR(gain.p, 0.04453686220676258, 1e-12);
  EXPECT_NEAR(gain.low, 0.00020310458267105633, 1e-12);
  EXPECT_NEAR(gain.high, 0.013196895417328944, 1e-12);
}

TEST(CorrectedGain, OfSwappedSidesIsItsMirrorImage) {
  std::vector<double> const d{.01, .02, -.01, .03};
  std::vector<double> const swapped{-.01, -.02, .01, -.03};
  auto const a = corrected_gain(d, 1);
  auto const b = corrected_gain(swapped, 1);
  EXPECT_DOUBLE_EQ(a.p, b.p);
  EXPECT_DOUBLE_EQ(a.low, -b.high);
  EXPECT_DOUBLE_EQ(a.high, -b.low);
}

TEST(CorrectedGain, KnowsDifferencesThatAreAllTheSame) {
  auto const none = corrected_gain(std::vector<double>{0, 0, 0}, 0.5);
  EXPECT_EQ(none.p, 1);
  EXPECT_EQ(none.high, 0);
  auto const sure = corrected_gain(std::vector<double>{0.5, 0.5}, 0.5);
  EXPECT_EQ(sure.p, 0);
  EXPECT_EQ(sure.low, 0.5);
}

/// Folds of one repeat share most of their training rows; here that makes all differences of a
/// repeat share an error, of the variance that Nadeau and Bengio's correction assumes.
TEST(CorrectedGain, ErrsInFiveOfAHundredWhereThePlainTestErrsInMany) {
  constexpr int folds = 10;
  constexpr double test_to_train = 0.25;
  auto const shared = std::sqrt(test_to_train);
  int corrected = 0;
  int plain = 0;
  constexpr int runs = 2000;
  for (int run = 0; run < runs; ++run) {
    Stream stream{Key{4}.with(static_cast<std::uint64_t>(run))};
    auto const common = shared * stream.normal();
    std::vector<double> d;
    for (int f = 0; f < folds; ++f) d.push_back(common + stream.normal());
    corrected += corrected_gain(d, test_to_train).p < 0.05;
    plain += corrected_gain(d, 0).p < 0.05;
  }
  EXPECT_NEAR(corrected, 0.05 * runs, 30);
  EXPECT_GT(plain, 0.2 * runs) << "these runs tell the uncorrected test";
}

// scipy.stats.binomtest(b, b + c, .5).pvalue, and that less scipy.stats.binom.pmf(min(b, c), b + c,
// .5)
TEST(McNemarTest, IsScipysBinomialTest) {
  struct Case {
    PairedRows rows;
    double p, mid_p;
  };
  for (auto const& [rows, p, mid_p] :
       {Case{{10, 2, 5}, 0.03857421875, 0.0224609375}, Case{{3, 9, 0}, 0.14599609375, 0.0922851562},
        Case{{0, 4, 9}, 0.125, 0.0625}, Case{{1, 0, 0}, 1.0, 0.5},
        Case{{15000, 14500, 0}, 0.003668409987597817, 0.0036013028387849987}}) {
    EXPECT_NEAR(mcnemar(rows).p, p, 1e-10) << rows.won << " and " << rows.lost;
    EXPECT_NEAR(mcnemar(rows).mid_p, mid_p, 1e-10) << rows.won << " and " << rows.lost;
  }
}

TEST(McNemarTest, OfEqualCountsIsNoEvidence) {
  EXPECT_EQ(mcnemar({0, 0, 100}).p, 1);
  EXPECT_EQ(mcnemar({0, 0, 100}).mid_p, 1);
  EXPECT_EQ(mcnemar({5, 5, 0}).p, 1);
  EXPECT_NEAR(mcnemar({5, 5, 0}).mid_p, 1 - 0.24609375 / 2, 1e-12);
}

// ---- other class shares

TEST(ReweightedAccuracy, WeighsRecallsByHowFrequentClassesAreElsewhere) {
  // Recalls 0.9 and 0.5.
  auto const here = data::ConfusionMatrix::from_counts({90, 10, 50, 50});
  auto const there = data::ConfusionMatrix::from_counts({8, 0, 1, 1});
  EXPECT_THAT(class_shares(there), ElementsAre(0.8, 0.2));
  EXPECT_DOUBLE_EQ(reweighted_accuracy(here, class_shares(there)), 0.8 * 0.9 + 0.2 * 0.5);
  EXPECT_DOUBLE_EQ(reweighted_accuracy(here, class_shares(here)), here.accuracy());
}

TEST(ReweightedAccuracy, IsUnknownWhenAClassThatMattersHasNoRows) {
  auto const here = data::ConfusionMatrix::from_counts({9, 1, 0, 0});
  EXPECT_TRUE(std::isnan(reweighted_accuracy(here, std::vector{0.5, 0.5})));
  EXPECT_DOUBLE_EQ(reweighted_accuracy(here, std::vector{1.0, 0.0}), 0.9);
}

// ---- the verdict

Findings findings(std::vector<double> fresh_best) {
  Findings f;
  f.trials = 20;
  f.best = 7;
  f.search = 0.9;
  f.folds = 5;
  f.fresh_initial = {.80, .81, .79, .80, .82, .80, .81, .79, .80, .82};
  f.fresh_best = std::move(fresh_best);
  f.confusion = data::ConfusionMatrix::from_counts({90, 10, 50, 50});
  return f;
}
Findings better() {
  return findings({.86, .86, .85, .87, .88, .86, .87, .85, .86, .88});
}
Findings hardly_better() {
  return findings({.81, .80, .80, .80, .81, .82, .80, .80, .81, .82});
}

HeldOut held_out(std::int64_t won, std::int64_t lost) {
  // Class 0 is four times as frequent as class 1.
  return {"full set",
          {won, lost, 1000 - won - lost},
          data::ConfusionMatrix::from_counts({700, 100, 100, 100}),
          data::ConfusionMatrix::from_counts({710, 90, 90, 110})};
}

TEST(Judge, TakesWhatIsBetterBeyondChance) {
  auto const verdict = judge(better());
  EXPECT_TRUE(verdict.is_better);
  EXPECT_THAT(verdict.sentences.front(),
              StartsWith("take the tuned configuration: trial 7 is better by 6.00 points of "
                         "accuracy (95 % interval 5."));
  EXPECT_NEAR(verdict.gap, 0.9 - 0.864, 1e-12);
  EXPECT_EQ(verdict.sentences.at(1),
            "The search of 20 trials promised 0.9000, fresh folds give 0.8640: the best of many "
            "was flattered (3.60 points of accuracy).");
}

TEST(Judge, KeepsTheDefaultWhenTheGainMayBeChance) {
  auto const verdict = judge(hardly_better());
  EXPECT_FALSE(verdict.is_better);
  EXPECT_GT(verdict.gain.mean, 0);
  EXPECT_THAT(verdict.sentences.front(), StartsWith("keep the default: trial 7 is better by 0.30"));
  EXPECT_THAT(verdict.sentences.front(), HasSubstr("may be chance"));
}

TEST(Judge, TellsWhenFreshFoldsTurnTheTables) {
  auto f = hardly_better();
  std::swap(f.fresh_best, f.fresh_initial);
  f.search = 0.80;
  auto const verdict = judge(f);
  EXPECT_FALSE(verdict.is_better);
  EXPECT_THAT(verdict.sentences.at(0), StartsWith("keep the default: trial 7 is worse by 0.30"));
  EXPECT_THAT(verdict.sentences.at(1), HasSubstr("was not flattered (-0.40 points"));
}

TEST(Judge, KeepsTheDefaultWhenNothingWasBetter) {
  Findings none;
  auto const verdict = judge(none);
  EXPECT_FALSE(verdict.is_better);
  EXPECT_THAT(verdict.sentences, ElementsAre("keep the default: no trial was better."));
  EXPECT_EQ(verdict_table(none, verdict).rows(), 1u);
}

TEST(Judge, HeldOutRowsConfirmOrForbid) {
  auto f = better();
  f.held_out = held_out(60, 40);
  auto const confirmed = judge(f);
  EXPECT_TRUE(confirmed.is_better);
  EXPECT_DOUBLE_EQ(confirmed.plain, 0.7);
  EXPECT_DOUBLE_EQ(confirmed.reweighted, 0.82);
  EXPECT_DOUBLE_EQ(confirmed.measured, 0.82);
  EXPECT_THAT(confirmed.sentences.at(2),
              HasSubstr("full set (1,000 rows): default 0.8000 of the rows right, tuned 0.8200 (60 "
                        "rows won, 40 lost"));
  EXPECT_THAT(confirmed.sentences.at(3), HasSubstr("0.7000 by plain cross-validation, at 0.8200"));
  f.held_out = held_out(20, 60);
  EXPECT_FALSE(judge(f).is_better);
  EXPECT_THAT(judge(f).sentences.front(), HasSubstr("but not on held-out rows"));
  f.held_out = held_out(45, 50);
  EXPECT_TRUE(judge(f).is_better) << "five rows prove nothing";
}

TEST(Judge, HeldOutRowsAloneDoNotMakeABetterOne) {
  auto f = hardly_better();
  f.held_out = held_out(60, 20);
  EXPECT_FALSE(judge(f).is_better);
}

TEST(Judge, TellsLossesAsTheyAre) {
  auto f = better();
  f.scoring = "neg_log_loss";
  EXPECT_THAT(judge(f).sentences.front(), HasSubstr("better by 0.0600 neg_log_loss (95 %"));
}

TEST(Judge, TellsOfOneModelWhenTheDefaultIsTheBest) {
  auto f = findings({});
  f.held_out = held_out(0, 0);
  f.held_out->initial = f.held_out->best;
  auto const verdict = judge(f);
  EXPECT_FALSE(verdict.is_better);
  EXPECT_EQ(verdict.sentences.at(1), "full set (1,000 rows): default 0.8200 of the rows right.");
  EXPECT_DOUBLE_EQ(verdict.reweighted, 0.82);
}

TEST(VerdictTable, HoldsTheNumbersAndTheText) {
  auto f = better();
  f.held_out = held_out(60, 40);
  auto const verdict = judge(f);
  auto const table = verdict_table(f, verdict);
  EXPECT_EQ(table.at(0, "is_better"), Cell{std::int64_t{1}});
  EXPECT_EQ(table.at(0, "gain_low"), Cell{verdict.gain.low});
  EXPECT_EQ(table.at(0, "rows_won"), Cell{std::int64_t{60}});
  EXPECT_EQ(table.at(0, "held_out_rows"), Cell{std::int64_t{1000}});
  EXPECT_THAT(std::get<std::string>(table.at(0, "text")), HasSubstr("take the tuned"));
}

}  // namespace
}  // namespace canopy::tune
