#include "unseen_rows.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace canopy::app {

tune::HeldOut compare_predictions(std::string name, std::vector<std::uint16_t> const& labels,
                                  std::vector<std::uint16_t> const& initial,
                                  std::vector<std::uint16_t> const& best, int classes) {
  tune::HeldOut result{std::move(name), {}, {labels, initial, classes}, {labels, best, classes}};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    bool const right = best[i] == labels[i];
    bool const initially = initial[i] == labels[i];
    (right == initially ? result.rows.tied : right ? result.rows.won : result.rows.lost) += 1;
  }
  return result;
}

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
  auto const predictions = predict(best);
  return compare_predictions(name_, labels_, initial == best ? predictions : predict(initial),
                             predictions, best.classes());
}

}  // namespace canopy::app
