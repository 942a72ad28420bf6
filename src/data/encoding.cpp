#include "canopy/data/encoding.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "column_values.hpp"
#include "radix_sort.hpp"

namespace canopy::data {
namespace {

using Values = std::vector<float>;

Values distinct_by_counting(Column column, WholeRange range) {
  std::vector<std::uint8_t> present(static_cast<std::size_t>(range.size));
  for (auto const v : column) present[range.slot(v)] = 1;
  Values values;
  for (int i = 0; i < range.size; ++i)
    if (present[static_cast<std::size_t>(i)]) values.push_back(static_cast<float>(range.low + i));
  return values;
}

Values distinct_by_sorting(Column column) {
  std::vector<std::uint32_t> keys(column.size());
  std::ranges::transform(column, keys.begin(), sort_key);
  radix_sort(keys);
  auto const rest = std::ranges::unique(keys);
  keys.erase(rest.begin(), rest.end());
  Values values(keys.size());
  std::ranges::transform(keys, values.begin(), value_of_key);
  return values;
}

Values distinct(Column column) {
  auto const range = whole_range(column);
  return range.size > 0 ? distinct_by_counting(column, range) : distinct_by_sorting(column);
}

bool is_binary(Column piece) {
  int others = 0;
  for (auto const v : piece) others += static_cast<int>(v != 0) & static_cast<int>(v != 1);
  return others == 0;
}

/// By row the last column with a 1, or -1. A column that turns out not to be binary may leave
/// traces: no group reaches across it.
using LastOnes = std::vector<std::int32_t>;

void look_at_ones(Column piece, std::int32_t number, std::int32_t* last, ColumnSummary& summary) {
  std::int32_t ones = 0;
  auto clash = summary.clash;
  for (std::size_t i = 0; i < piece.size(); ++i) {
    std::int32_t const is_one = piece[i] != 0;
    auto const before = last[i];
    auto const shared = before | (is_one - 1);  // -1 unless there is a one here
    ones += is_one;
    clash = std::max(clash, shared);
    last[i] = before + is_one * (number - before);
  }
  summary.ones += static_cast<std::uint64_t>(ones);
  summary.clash = clash;
}

ColumnSummary summarise(Column column, std::int32_t number, LastOnes& last) {
  ColumnSummary summary;
  auto* at = last.data();
  summary.is_binary = all_pieces(column, [&](Column piece) {
    if (!is_binary(piece)) return false;
    look_at_ones(piece, number, at, summary);
    at += piece.size();
    return true;
  });
  if (!summary.is_binary) return {.is_binary = false, .values = distinct(column)};
  if (summary.ones < column.size()) summary.values.push_back(0);
  if (summary.ones > 0) summary.values.push_back(1);
  return summary;
}

/// The first column after the group that starts at `first`.
std::size_t end_of_group(std::span<ColumnSummary const> columns, std::size_t first) {
  auto end = first + 1;
  while (end < columns.size() && columns[end].is_binary && std::cmp_less(columns[end].clash, first))
    ++end;
  return end;
}

}  // namespace

WholeRange whole_range(Column column) {
  constexpr float exact = 1 << 24;
  float low = exact;
  float high = -exact;
  bool const whole = all_pieces(column, [&](Column piece) {
    int outside = 0;
    for (auto const v : piece) outside += static_cast<int>(!(v > -exact && v < exact));
    if (outside > 0) return false;  // before the conversion, which is undefined out there
    int broken = 0;
    for (auto const v : piece) {
      broken += static_cast<int>(static_cast<float>(static_cast<int>(v)) != v);
      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    return broken == 0;
  });
  auto const size = static_cast<std::int64_t>(high) - static_cast<std::int64_t>(low) + 1;
  auto const limit = 4 * static_cast<std::int64_t>(column.size()) + 1024;
  if (!whole || column.empty() || size > limit) return {};
  return {static_cast<int>(low), static_cast<int>(size)};
}

void ColumnSummary::merge(ColumnSummary const& other) {
  is_binary = is_binary && other.is_binary;
  ones += other.ones;
  clash = std::max(clash, other.clash);
  Values both;
  std::ranges::set_union(values, other.values, std::back_inserter(both));
  values = std::move(both);
}

std::vector<ColumnSummary> summarise(Dataset const& dataset) {
  std::vector<ColumnSummary> summaries;
  LastOnes last(static_cast<std::size_t>(dataset.rows()), -1);
  for (int f = 0; f < dataset.columns(); ++f)
    summaries.push_back(summarise(column_of(dataset, f), f, last));
  return summaries;
}

std::vector<BlockPlan> plan_blocks(std::vector<ColumnSummary> summaries, std::int64_t rows) {
  std::vector<BlockPlan> plans;
  for (std::size_t f = 0; f < summaries.size();) {
    auto const end = summaries[f].is_binary ? end_of_group(summaries, f) : f + 1;
    auto const size = static_cast<std::uint32_t>(end - f);
    if (size == 1) {
      auto& values = summaries[f].values;
      auto const codes = static_cast<std::uint32_t>(values.size());
      plans.push_back({static_cast<int>(f), 1, codes, std::move(values)});
    } else {
      std::uint64_t ones = 0;  // no row has two, so this is the number of rows that have one
      for (auto at = f; at < end; ++at) ones += summaries[at].ones;
      auto const none = std::cmp_less(ones, rows) ? 1u : 0u;
      plans.push_back({static_cast<int>(f), static_cast<int>(size), size + none, {}});
    }
    f = end;
  }
  return plans;
}

}  // namespace canopy::data
