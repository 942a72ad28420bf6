#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/record/run_record.hpp"

/// What a page shows of tables that are too large for it.
namespace canopy::report {

/// The tables of a run as its page has them, and for the reader what was left out.
struct PageTables {
  std::vector<Table> tables;
  std::vector<std::string> notes;
};

/// Tables of more than `max_cells` cells are cut: of updates and validations the last rounds stay,
/// of tasks the first rows, of combiner_rounds evenly spaced rounds, of others evenly spaced rows. Two
/// tables are added from all rows of
///   updates      updates_by_round (loss, norm, staleness, trip_seconds, real_seconds; the fates'
///                numbers) and updates_histogram
///   validations  validations_by_round (loss, accuracy)
/// each with COLUMN_min, _q1, _median, _q3, _max, _mean per round.
PageTables page_tables(record::RunRecord const& run, std::size_t max_cells = 60'000);

/// One row per value of the whole-numbered column `group`, sorted: it, `count` of the rows, and of
/// each column that is there minimum, quartiles (linear between neighbours, as NumPy's default),
/// maximum and mean of what is not empty.
Table quartiles_by(Table const& table, std::string const& name, std::string const& group,
                   std::vector<std::string> const& columns);

/// How often values of the columns that are there fall between low and high: column, low, high,
/// count. `bins` of equal width; a value on the border of two belongs to the upper one.
Table histograms(Table const& table, std::string const& name,
                 std::vector<std::string> const& columns, std::size_t bins = 40);

}  // namespace canopy::report
