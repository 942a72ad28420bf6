#include "tune_verdict.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/tune/fresh_folds.hpp"

namespace canopy::app {

UnseenRows::UnseenRows(data::Source const& source, SharedData const& data, data::Rows held_out)
    : table_{data.table()}, rows_{std::move(held_out)} {
  if (!rows_.empty()) {
    name_ = "hold-out";
    for (auto const row : rows_) labels_.push_back(table_.labels()[row]);
  } else if (data.test) {
    name_ = "test set";
    dataset_ = data.test;
    labels_ = dataset_->labels;
  } else if (source.data == "forest-cover") {
    take_full_set(source, data);
  }
}

/// The full set begins with the rows of Kaggle's.
void UnseenRows::take_full_set(data::Source const& source, SharedData const& data) try {
  auto full_source = source;
  full_source.data = "forest-cover-full";
  auto full = data::load(full_source, 0).train;
  auto const known = table_.labels();
  auto const same = full.labels.size() > known.size() &&
                    std::ranges::equal(known, std::span{full.labels}.first(known.size()));
  if (!same || full.class_names != data.header.class_names) {
    why_empty_ = "the full forest-cover set does not begin with the rows that were searched on";
    return;
  }
  name_ = "full set";
  auto const seen = static_cast<std::ptrdiff_t>(known.size());
  labels_.assign(full.labels.begin() + seen, full.labels.end());
  full.features = full.features.bottomRows(full.rows() - seen).eval();
  dataset_ = std::move(full);
} catch (DataError const& e) {
  why_empty_ = std::string{"no full forest-cover set to judge on: "} + e.what();
}

std::vector<std::uint16_t> UnseenRows::predict(forest::Forest const& model) const {
  return dataset_ ? model.predict(dataset_->features) : model.predict(table_, rows_);
}

tune::HeldOut UnseenRows::compare(forest::Forest const& initial, forest::Forest const& best) const {
  auto const a = predict(best);
  auto const b = initial == best ? a : predict(initial);
  auto const classes = best.classes();
  tune::HeldOut result{name_, {}, {labels_, b, classes}, {labels_, a, classes}};
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    bool const right = a[i] == labels_[i];
    bool const initially = b[i] == labels_[i];
    (right == initially ? result.rows.tied : right ? result.rows.won : result.rows.lost) += 1;
  }
  return result;
}

namespace {

std::vector<double> scores(tune::Trial const& trial) {
  std::vector<double> all;
  for (auto const& fold : trial.folds) all.push_back(fold->score);
  return all;
}

data::ConfusionMatrix confusion(tune::Trial const& trial) {
  auto sum = data::ConfusionMatrix::from_counts(trial.folds.front()->confusion);
  for (auto const& fold : trial.folds | std::views::drop(1))
    sum += data::ConfusionMatrix::from_counts(fold->confusion);
  return sum;
}

}  // namespace

void VerdictMaker::make(VerdictPlace const& place, std::vector<tune::Trial> const& trials,
                        tune::Trial const& best, forest::Forest const& model) {
  if (settings_.search.verdict_repeats == 0) return;
  place.phases.begin("verdict");
  if (!compare_in_fresh_folds(place, trials, best)) return;
  place.phases.begin("hold-out");
  compare_on_unseen_rows(place, trials.front(), model);
  place.phases.end();
  verdict_ = tune::judge(findings_);
}

bool VerdictMaker::compare_in_fresh_folds(VerdictPlace const& place,
                                          std::vector<tune::Trial> const& trials,
                                          tune::Trial const& best) {
  using tune::Trial;
  auto const& search = settings_.search;
  std::vector<Trial> pair{trials.front(), best};
  if (pair.front().status == Trial::Status::complete && best.id != pair.front().id)
    pair = tune::in_fresh_folds(place.farm, place.journal, place.records, std::move(pair),
                                search.folds * search.verdict_repeats, place.interrupted);
  for (auto const& trial : pair) {
    if (trial.status == Trial::Status::complete) continue;
    remark_ =
        fmt::format("no verdict, for trial {} was not completed: {}", trial.id, trial.stop_reason);
    return false;
  }
  findings_.scoring = search.scoring;
  findings_.trials = static_cast<int>(
      std::ranges::count_if(trials, [](Trial const& t) { return t.folds_done() > 0; }));
  findings_.best = best.id;
  findings_.search = best.mean_score();
  findings_.folds = search.folds;
  if (best.id != pair.front().id) {
    findings_.fresh_initial = scores(pair.front());
    findings_.fresh_best = scores(pair.back());
  }
  findings_.confusion = confusion(pair.back());
  return true;
}

void VerdictMaker::compare_on_unseen_rows(VerdictPlace const& place, tune::Trial const& initial,
                                          forest::Forest const& model) {
  auto const go_on = [&] { throw_if_stopped(place.interrupted); };
  go_on();
  place.farm.expect_silence();
  UnseenRows const unseen{settings_.source, data_, held_out_};
  remark_ = unseen.why_empty();
  go_on();
  if (unseen.empty()) return;
  auto const initial_model = findings_.best == initial.id
                                 ? model
                                 : tune::refit(place.farm, bench_, settings_.search,
                                               initial.configuration, place.interrupted, 1);
  place.farm.expect_silence();
  findings_.held_out = unseen.compare(initial_model, model);
}

std::optional<Table> VerdictMaker::table() const {
  if (!verdict_) return {};
  return tune::verdict_table(findings_, *verdict_);
}

std::string VerdictMaker::text() const {
  std::vector<std::string> lines;
  if (verdict_) lines = verdict_->sentences;
  if (!remark_.empty()) lines.push_back(remark_);
  return lines.empty() ? "" : fmt::format("verdict  {}\n", text::join(lines, "\n         "));
}

}  // namespace canopy::app
