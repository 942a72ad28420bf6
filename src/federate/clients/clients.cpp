#include "canopy/federate/clients.hpp"

#include <algorithm>
#include <utility>

namespace canopy::federate {
namespace {

std::vector<double> deviations(nn::Standardisation const& standardisation) {
  std::vector<double> result;
  for (auto const inverse : standardisation.inverse_deviation)
    result.push_back(inverse > 0 ? 1 / inverse : 0);
  return result;
}

/// Rows as they came, one after the other.
void copy_rows(data::Samples const& samples, std::span<data::RowIndex const> rows,
               std::vector<float>& copies) {
  auto const columns = static_cast<std::size_t>(samples.columns());
  copies.resize(rows.size() * columns);
  samples.visit([&](auto const* values) {
    auto* to = copies.data();
    for (auto const row : rows)
      to = std::transform(values + row * columns, values + (row + 1) * columns, to,
                          [](auto value) { return static_cast<float>(value); });
  });
}

}  // namespace

Clients::Clients(data::PartitionOptions const& options, data::Partition partition,
                 train::Feed const& feed, nn::Shape shape,
                 nn::Standardisation const& standardisation, Key key)
    : options_{options},
      partition_{std::move(partition)},
      feed_{feed},
      gather_{shape, standardisation},
      units_{deviations(standardisation)},
      key_{key} {}

LocalData Clients::unchanged(std::span<data::RowIndex const> rows) {
  labels_.resize(rows.size());
  feed_.labels(rows, labels_);
  return {rows, labels_, feed_, gather_, {}};
}

LocalData Clients::data(int client) {
  auto const rows = partition_.rows(client);
  auto const& samples = feed_.samples();
  auto result = unchanged(rows);
  if (options_.label_noise > 0)
    for (std::size_t i = 0; i < rows.size(); ++i)
      labels_[i] =
          data::noisy_label(options_, labels_[i], samples.classes(), rows[i], key_.with("labels"));
  if (options_.skews_features()) {
    copy_rows(samples, rows, copies_);
    std::optional<data::SampleShape> image;
    if (samples.is_image()) image = samples.shape();
    data::skew_features(options_, {client, count(), rows, copies_}, image, units_,
                        key_.with("features"));
    result.copies = copies_;
  }
  return result;
}

}  // namespace canopy::federate
