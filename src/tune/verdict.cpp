#include "canopy/tune/verdict.hpp"

#include <algorithm>
#include <cmath>

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <fmt/format.h>

#include "canopy/core/text.hpp"

namespace canopy::tune {
namespace {

constexpr double error = 0.05;

double mean(std::span<double const> values) {
  double sum = 0;
  for (auto const value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// How numbers of one scoring are told: shares as points, others as they are.
struct Unit {
  explicit Unit(std::string const& scoring)
      : factor{scoring == "neg_log_loss" ? 1.0 : 100.0},
        name{scoring == "neg_log_loss" ? scoring : "points of " + scoring} {}

  std::string text(double value) const {
    return factor > 1 ? fmt::format("{:.2f}", factor * value) : fmt::format("{:.4f}", value);
  }
  double factor;
  std::string name;
};

std::string p_text(double p) {
  return p < 1e-4 ? "p < 0.0001" : fmt::format("p = {:.2g}", p);
}

std::string gain_sentence(Findings const& f, Verdict const& v) {
  Unit const unit{f.scoring};
  auto const numbers =
      fmt::format("by {} {} (95 % interval {} to {}, {}, {} fresh folds)",
                  unit.text(std::abs(v.gain.mean)), unit.name, unit.text(v.gain.low),
                  unit.text(v.gain.high), p_text(v.gain.p), f.fresh_best.size());
  auto const trial =
      fmt::format("trial {} is {} {}", f.best, v.gain.mean < 0 ? "worse" : "better", numbers);
  if (v.is_better) return "take the tuned configuration: " + trial + ".";
  if (v.gain.low > 0) return "keep the default: " + trial + ", but not on held-out rows.";
  return "keep the default: " + trial + (v.gain.mean > 0 ? ", which may be chance." : ".");
}

std::string gap_sentence(Findings const& f, Verdict const& v) {
  Unit const unit{f.scoring};
  return fmt::format(
      "The search of {} trials promised {:.4f}, fresh folds give {:.4f}: the best "
      "of many was {}flattered ({} {}).",
      f.trials, f.search, v.fresh_best, v.gap > 0 ? "" : "not ", unit.text(v.gap), unit.name);
}

std::string held_out_sentence(HeldOut const& h, McNemar const& test, bool is_default) {
  auto const text = fmt::format("{} ({} rows): default {:.4f} of the rows right", h.name,
                                text::grouped(h.best.total()), h.initial.accuracy());
  if (is_default) return text + ".";
  return fmt::format("{}, tuned {:.4f} ({} rows won, {} lost, McNemar {}).", text,
                     h.best.accuracy(), text::grouped(h.rows.won), text::grouped(h.rows.lost),
                     p_text(test.p));
}

void compare_fresh_folds(Findings const& f, Verdict& v) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < f.fresh_best.size(); ++i)
    differences.push_back(f.fresh_best[i] - f.fresh_initial[i]);
  v.gain = corrected_gain(differences, 1.0 / (f.folds - 1));
  v.fresh_initial = mean(f.fresh_initial);
  v.fresh_best = mean(f.fresh_best);
  v.gap = f.search - v.fresh_best;
  v.is_better = v.gain.low > 0;
}

void look_at_held_out(Findings const& f, Verdict& v) {
  v.held_out = mcnemar(f.held_out->rows);
  v.measured = f.held_out->best.accuracy();
  if (f.confusion) v.reweighted = reweighted_accuracy(*f.confusion, class_shares(f.held_out->best));
  bool const contrary = f.held_out->rows.lost > f.held_out->rows.won && v.held_out.p < error;
  v.is_better = v.is_better && !contrary;
}

}  // namespace

Gain corrected_gain(std::span<double const> differences, double test_to_train) {
  auto const n = static_cast<double>(differences.size());
  Gain gain;
  gain.mean = mean(differences);
  double squares = 0;
  for (auto const d : differences) squares += (d - gain.mean) * (d - gain.mean);
  auto const deviation = std::sqrt((1 / n + test_to_train) * squares / (n - 1));
  if (deviation == 0) {  // the same everywhere: equal configurations, or nothing left to chance
    gain.low = gain.high = gain.mean;
    gain.p = gain.mean == 0 ? 1 : 0;
    return gain;
  }
  boost::math::students_t const t{n - 1};
  auto const reach = deviation * boost::math::quantile(boost::math::complement(t, error / 2));
  gain.low = gain.mean - reach;
  gain.high = gain.mean + reach;
  gain.p = 2 * boost::math::cdf(boost::math::complement(t, std::abs(gain.mean) / deviation));
  return gain;
}

McNemar mcnemar(PairedRows const& rows) {
  auto const fewer = static_cast<double>(std::min(rows.won, rows.lost));
  auto const all = static_cast<double>(rows.won + rows.lost);
  if (all == 0) return {1, 1};
  boost::math::binomial const even{all, 0.5};
  auto const here = boost::math::pdf(even, fewer);
  if (rows.won == rows.lost) return {1, 1 - here / 2};
  auto const p = std::min(1.0, 2 * boost::math::cdf(even, fewer));
  return {p, p - here};
}

std::vector<double> class_shares(data::ConfusionMatrix const& confusion) {
  std::vector<double> shares;
  for (int c = 0; c < confusion.classes(); ++c)
    shares.push_back(static_cast<double>(confusion.of_class(c)) /
                     static_cast<double>(confusion.total()));
  return shares;
}

double reweighted_accuracy(data::ConfusionMatrix const& confusion, std::span<double const> shares) {
  auto const recall = confusion.recall();
  double sum = 0;
  for (std::size_t c = 0; c < recall.size(); ++c)
    if (shares[c] > 0) sum += shares[c] * recall[c];
  return sum;
}

Verdict judge(Findings const& f) {
  Verdict v;
  if (f.confusion) v.plain = f.confusion->accuracy();
  if (!f.fresh_best.empty()) compare_fresh_folds(f, v);
  if (f.held_out) look_at_held_out(f, v);
  if (f.fresh_best.empty())
    v.sentences.push_back("keep the default: no trial was better.");
  else
    v.sentences = {gain_sentence(f, v), gap_sentence(f, v)};
  if (!f.held_out) return v;
  v.sentences.push_back(held_out_sentence(*f.held_out, v.held_out, f.fresh_best.empty()));
  if (f.confusion)
    v.sentences.push_back(fmt::format(
        "Accuracy there was to be expected at {:.4f} by plain cross-validation, at {:.4f} by the "
        "class shares of these rows; it is {:.4f}.",
        v.plain, v.reweighted, v.measured));
  return v;
}

Table verdict_table(Findings const& f, Verdict const& v) {
  using Type = Table::Type;
  Table table{"verdict"};
  std::vector<Cell> row;
  auto const add = [&](char const* name, Type type, Cell cell) {
    table.column(name, type);
    row.push_back(std::move(cell));
  };
  auto const integer = [&](char const* name, std::int64_t value) {
    add(name, Type::integer, value);
  };
  auto const real = [&](char const* name, double value) { add(name, Type::real, value); };
  auto const held = f.held_out ? f.held_out->rows : PairedRows{};
  integer("is_better", v.is_better);
  integer("advised", v.is_better ? f.best : 0);
  integer("trial", f.best);
  integer("trials", f.trials);
  add("scoring", Type::text, f.scoring);
  integer("fresh_folds", std::ssize(f.fresh_best));
  real("gain", v.gain.mean);
  real("gain_low", v.gain.low);
  real("gain_high", v.gain.high);
  real("p", v.gain.p);
  real("search_score", f.search);
  real("fresh_score", v.fresh_best);
  real("gap", v.gap);
  real("default_fresh_score", v.fresh_initial);
  add("held_out", Type::text, f.held_out ? f.held_out->name : "");
  integer("held_out_rows", f.held_out ? f.held_out->best.total() : 0);
  real("held_out_default", f.held_out ? f.held_out->initial.accuracy() : empty_cell);
  real("held_out_best", f.held_out ? f.held_out->best.accuracy() : empty_cell);
  integer("rows_won", held.won);
  integer("rows_lost", held.lost);
  real("mcnemar_p", v.held_out.p);
  real("mcnemar_mid_p", v.held_out.mid_p);
  real("plain_accuracy", v.plain);
  real("reweighted_accuracy", v.reweighted);
  real("true_accuracy", v.measured);
  add("text", Type::text, text::join(v.sentences, " "));
  table.add(row);
  return table;
}

}  // namespace canopy::tune
