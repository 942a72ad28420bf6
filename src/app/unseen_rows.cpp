#include "unseen_rows.hpp"

#include <algorithm>
#include <numeric>
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

std::vector<std::uint16_t> UnseenRows::labels() const {
  std::vector<std::uint16_t> labels;
  labels.reserve(rows.size());
  for (auto const row : rows) labels.push_back(table.labels()[row]);
  return labels;
}

namespace {

/// The rows of the table from number `first` on.
UnseenRows rows_from(std::string name, data::EncodedTable table, std::int64_t first) {
  data::Rows rows(static_cast<std::size_t>(table.rows() - first));
  std::iota(rows.begin(), rows.end(), static_cast<data::RowIndex>(first));
  return {std::move(name), std::move(table), std::move(rows)};
}

}  // namespace

UnseenRows unseen_rows(SharedData const& data, data::Rows const& held_out) {
  if (!held_out.empty()) return {"hold-out", data.table(), held_out};
  if (data.test) return rows_from("test set", data::EncodedTable::encode(*data.test), 0);
  return {};
}

/// It begins with the rows of Kaggle's.
UnseenRows rows_of_full_set(data::Source const& source, SharedData const& data) {
  auto full_source = source;
  full_source.data = "forest-cover-full";
  auto const full = data::load(full_source, 0).train;
  auto const known = data.table().labels();
  auto const same = full.labels.size() > known.size() &&
                    std::ranges::equal(known, std::span{full.labels}.first(known.size()));
  if (!same || full.class_names != data.header.class_names)
    throw DataError{"it does not begin with the rows that were searched on"};
  return rows_from("full set", data::EncodedTable::encode(full), std::ssize(known));
}

Evaluation evaluate(UnseenRows const& unseen, Eigen::MatrixXd const& probabilities,
                    std::string const& scoring) {
  return evaluate(unseen.name, unseen.labels(), probabilities, scoring, unseen.table.classes());
}

}  // namespace canopy::app
