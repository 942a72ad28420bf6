#pragma once

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "canopy/data/partition.hpp"

namespace canopy::data::test {

using Labels = std::vector<std::uint16_t>;

inline PartitionOptions options_of(std::string partition, std::string quantity = "equal") {
  PartitionOptions options;
  options.partition = std::move(partition);
  options.quantity = std::move(quantity);
  return options;
}

/// Rows of class c: counts[c], in mixed order.
inline Labels labels_with(std::vector<int> const& counts) {
  Labels labels;
  for (std::size_t c = 0; c < counts.size(); ++c)
    labels.insert(labels.end(), static_cast<std::size_t>(counts[c]), static_cast<std::uint16_t>(c));
  Stream{Key{3}}.shuffle(std::span{labels});
  return labels;
}

/// As many of each digit as MNIST's training set has.
inline Labels mnist_labels() {
  return labels_with({5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
}

inline Rows all_rows(std::size_t n) {
  Rows rows(n);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

inline Partition dealt(PartitionOptions const& options, int clients, Labels const& labels,
                       std::uint64_t seed = 1, std::vector<std::uint32_t> const& groups = {}) {
  auto const classes = labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
  return make_partition(options, clients, all_rows(labels.size()), labels, classes, groups,
                        Key{seed});
}

inline std::vector<std::size_t> sizes_of(Partition const& partition) {
  std::vector<std::size_t> sizes;
  for (int k = 0; k < partition.clients(); ++k) sizes.push_back(partition.rows(k).size());
  return sizes;
}

inline std::size_t labels_of(Partition const& partition, int client, Labels const& labels) {
  std::set<std::uint16_t> found;
  for (auto const row : partition.rows(client)) found.insert(labels[row]);
  return found.size();
}

inline std::vector<double> distances(Partition const& partition, Labels const& labels,
                                     int classes) {
  std::vector<std::string> names;
  for (int c = 0; c < classes; ++c) names.push_back(std::to_string(c));
  auto const table = client_label_table(partition, labels, names);
  std::vector<double> emd;
  for (std::size_t k = 0; k < table.rows(); ++k) emd.push_back(table.number(k, "emd"));
  return emd;
}

inline double mean(std::vector<double> const& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace canopy::data::test
