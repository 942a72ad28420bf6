#include <cmath>

#include "canopy/core/text.hpp"
#include "canopy/data/partition.hpp"

namespace canopy::data {
namespace {

using Counts = std::vector<std::int64_t>;

Counts count_labels(std::span<RowIndex const> rows, std::span<std::uint16_t const> labels,
                    std::size_t classes) {
  Counts counts(classes);
  for (auto const row : rows) ++counts.at(labels[row]);
  return counts;
}

double share(std::int64_t part, std::size_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

double distance(Counts const& here, std::size_t rows, Counts const& everywhere, std::size_t all) {
  if (rows == 0) return empty_cell;
  double sum = 0;
  for (std::size_t c = 0; c < here.size(); ++c)
    sum += std::abs(share(here[c], rows) - share(everywhere[c], all));
  return sum;
}

}  // namespace

Table client_label_table(Partition const& partition, std::span<std::uint16_t const> labels,
                         std::vector<std::string> const& class_names) {
  Table table{"client_labels"};
  table.column("client", Table::Type::integer)
      .column("rows", Table::Type::integer)
      .column("emd", Table::Type::real);
  for (auto const& name : class_names)  // a '/' would be a folder in the run file
    table.column("label_" + text::replace_all(name, '/', '_'), Table::Type::integer);

  auto const everywhere = count_labels(partition.all_rows(), labels, class_names.size());
  for (int client = 0; client < partition.clients(); ++client) {
    auto const rows = partition.rows(client);
    auto const here = count_labels(rows, labels, class_names.size());
    std::vector<Cell> cells{std::int64_t{client}, static_cast<std::int64_t>(rows.size()),
                            distance(here, rows.size(), everywhere, partition.all_rows().size())};
    cells.insert(cells.end(), here.begin(), here.end());
    table.add(cells);
  }
  return table;
}

}  // namespace canopy::data
