#include "tune_verdict.hpp"

#include <algorithm>
#include <utility>

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

}  // namespace

tune::Findings findings(tune::SearchSettings const& settings,
                        std::vector<tune::Trial> const& trials, tune::Trial const& best,
                        std::vector<tune::Trial> const& fresh, int classes) {
  tune::Findings result;
  result.scoring = settings.scoring;
  result.trials = static_cast<int>(
      std::ranges::count(trials, tune::Trial::Status::complete, &tune::Trial::status));
  result.best = best.id;
  result.search = best.mean_score();
  result.folds = settings.folds;
  auto const& judged = fresh.empty() ? best : fresh.back();
  if (!fresh.empty()) {
    result.fresh_initial = scores(fresh.front());
    result.fresh_best = scores(fresh.back());
  }
  data::ConfusionMatrix confusion{classes};
  for (auto const& fold : judged.folds)
    confusion += data::ConfusionMatrix::from_counts(fold->confusion);
  result.confusion = std::move(confusion);
  return result;
}

}  // namespace canopy::app
