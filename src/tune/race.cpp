#include "canopy/tune/race.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>

namespace canopy::tune {
namespace {

class None final : public Race {
 public:
  bool looks() const override { return false; }
  std::optional<std::string> reject(Folds, Folds) const override { return {}; }
};

/// Bergman, Purucker and Hutter, "Don't waste your time: early stopping cross-validation" (AutoML
/// 2024): the rule they call forgiving.
class Forgiving final : public Race {
 public:
  std::optional<std::string> reject(Folds so_far, Folds incumbent) const override {
    if (so_far.empty()) return {};
    double mean = 0;
    for (auto const* fold : so_far) mean += fold->score / static_cast<double>(so_far.size());
    auto const worst = (*std::ranges::min_element(incumbent, {}, &FoldScore::score))->score;
    if (mean >= worst) return {};
    return fmt::format("mean {:.4f} of {} folds, below the incumbent's worst, {:.4f}", mean,
                       so_far.size(), worst);
  }
};

/// Evidence of `trials` / alpha is asked for, by Bonferroni. That pays for all trials against one
/// incumbent; and it pays for one trial against any incumbent, be it chosen by its luck on these
/// very rows: the trial that is truly best is lost with a chance of at most alpha.
class Rows final : public Race {
 public:
  explicit Rows(RaceSettings const& settings)
      : folds_{static_cast<std::size_t>(settings.folds)},
        margin_{settings.margin},
        enough_{std::log(settings.trials / settings.alpha)} {
    if (settings.scoring != "accuracy")
      throw UserError{"--race rows compares which rows are predicted right and --scoring " +
                      settings.scoring + " asks for more; use --race forgiving"};
  }

  std::optional<std::string> reject(Folds so_far, Folds incumbent) const override {
    PairedRows rows;
    auto const folds = std::min(so_far.size(), folds_);
    for (std::size_t f = 0; f < folds; ++f) rows += paired_rows(*so_far[f], *incumbent[f]);
    auto const evidence = log_evidence_of_worse(rows, margin_);
    if (evidence < enough_) return {};
    return fmt::format("{} rows won and {} lost to the incumbent in {} folds, evidence {:.1g}",
                       rows.won, rows.lost, folds, std::exp(evidence));
  }

 private:
  std::size_t folds_;  ///< of the first repeat: a row that comes again is no new evidence
  double margin_;
  double enough_;
};

/// Fractions of the stake: the best one is the lead divided by the share of rows that differ, and
/// the mean over these is at most a factor of five behind it.
constexpr std::array fractions{0.05, 0.1, 0.2, 0.4, 0.8};

}  // namespace

Registry<Race, RaceSettings const&> const& races() {
  static Registry<Race, RaceSettings const&> const list{
      {"none", "every trial gets all its folds",
       [](auto const&) { return std::make_unique<None>(); }},
      {"forgiving", "stops when the mean so far is below the incumbent's worst fold (Bergman 2024)",
       [](auto const&) { return std::make_unique<Forgiving>(); }},
      {"rows", "stops when the rows predicted right prove it worse; loses the best seldom (alpha)",
       [](auto const& s) { return std::make_unique<Rows>(s); }},
  };
  return list;
}

PairedRows& PairedRows::operator+=(PairedRows const& other) {
  won += other.won;
  lost += other.lost;
  tied += other.tied;
  return *this;
}

PairedRows paired_rows(FoldScore const& trial, FoldScore const& incumbent) {
  auto const all = std::reduce(trial.confusion.begin(), trial.confusion.end());
  auto const words = static_cast<std::size_t>((all + 63) / 64);
  if (trial.right.size() != words || incumbent.right.size() != words)
    throw std::logic_error{"tune::paired_rows: it is not known which rows were right"};
  PairedRows rows;
  for (std::size_t w = 0; w < trial.right.size(); ++w) {
    auto const differ = trial.right[w] ^ incumbent.right[w];
    rows.won += std::popcount(differ & trial.right[w]);
    rows.lost += std::popcount(differ & incumbent.right[w]);
  }
  rows.tied = all - rows.won - rows.lost;
  return rows;
}

double log_evidence_of_worse(PairedRows const& rows, double margin) {
  std::array<double, fractions.size()> stakes{};
  for (std::size_t i = 0; i < fractions.size(); ++i)
    stakes[i] = static_cast<double>(rows.won) * std::log1p(fractions[i] * (margin - 1)) +
                static_cast<double>(rows.lost) * std::log1p(fractions[i] * (margin + 1)) +
                static_cast<double>(rows.tied) * std::log1p(fractions[i] * margin);
  auto const most = *std::ranges::max_element(stakes);
  double sum = 0;
  for (auto const stake : stakes) sum += std::exp(stake - most);
  return most + std::log(sum / static_cast<double>(fractions.size()));
}

}  // namespace canopy::tune
