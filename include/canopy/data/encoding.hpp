#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/dataset.hpp"

namespace canopy::data {

/// What the encoder must know of a column before it can code one row of it. Made from a part of the
/// rows and merged, so that the rows may lie on several machines.
struct ColumnSummary {
  bool is_binary = true;    ///< nothing but 0 and 1
  std::uint64_t ones = 0;   ///< of a binary column
  std::int32_t clash = -1;  ///< nearest binary column before it that shares a row of its ones
  std::vector<float> values = {};  ///< the distinct ones, ascending, -0 as 0

  /// Takes in other rows of the same column.
  void merge(ColumnSummary const& other);

  template <class Archive>
  void fields(Archive& archive) {
    archive(is_binary, ones, clash, values);
  }
  friend bool operator==(ColumnSummary const&, ColumnSummary const&) = default;
};

/// One for each column of the data set.
std::vector<ColumnSummary> summarise(Dataset const& dataset);

/// A column, or a one-hot group of them, and how it is coded; see Block.
struct BlockPlan {
  int first_feature;
  int features;
  std::uint32_t codes;
  std::vector<float> values;  ///< by code; empty for a group

  bool is_group() const { return values.empty(); }
};

/// The blocks of a table of `rows` rows in all. Neighbouring binary columns of which no row has two
/// ones become a group.
std::vector<BlockPlan> plan_blocks(std::vector<ColumnSummary> summaries, std::int64_t rows);

}  // namespace canopy::data
