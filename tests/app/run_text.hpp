#pragma once

#include <sstream>
#include <string>

#include "canopy/record/run_record.hpp"

/// Records as text, to be compared.
namespace canopy::test {

inline std::string text_of(Table const& table) {
  std::ostringstream out;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (auto const& column : table.column_names()) out << table.text(row, column) << ' ';
    out << '\n';
  }
  return out.str();
}

/// Of the model's numbers.
inline std::string digest(record::RunRecord const& run) {
  return run.model_row->text(0, "sha256");
}

}  // namespace canopy::test
