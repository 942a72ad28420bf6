#include "canopy/data/encoded.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "canopy/core/digest.hpp"
#include "canopy/core/error.hpp"

#include "column_values.hpp"
#include "packed_bytes.hpp"
#include "radix_sort.hpp"

namespace canopy::data {
namespace {

constexpr std::array<char, 8> magic{'c', 'a', 'n', 'o', 'p', 'y', 'E', 'T'};
constexpr std::uint32_t version = 1;

/// Start of the bytes. The sections follow, each aligned: records, labels, then every block's
/// values and codes.
struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t index_crc;  ///< of header and records, taken with 0 in this place
  std::uint64_t bytes;
  std::int64_t rows;
  std::int32_t classes;
  std::int32_t blocks;
  std::uint64_t labels;  ///< how many: rows or 0
  std::uint64_t labels_at;
};

/// A Block with places instead of pointers.
struct Record {
  std::uint64_t data_at;
  std::uint64_t values_at;
  std::uint64_t values;
  std::uint32_t codes;
  std::int32_t first_feature;
  std::int32_t features;
  std::uint32_t width;
};

Block::Width width_for(std::uint32_t codes) {
  if (codes <= 1u << 8) return Block::Width::u8;
  return codes <= 1u << 16 ? Block::Width::u16 : Block::Width::u32;
}

/// Calls `act` with the codes at `data` as an array of the width's type.
template <class Act>
void with_codes_at(std::byte* data, Block::Width width, Act act) {
  if (width == Block::Width::u8)
    act(reinterpret_cast<std::uint8_t*>(data));
  else if (width == Block::Width::u16)
    act(reinterpret_cast<std::uint16_t*>(data));
  else
    act(reinterpret_cast<std::uint32_t*>(data));
}

/// Rows in the order of their values meet these one after another.
template <class Code>
void write_by_sorting(Column column, std::vector<float> const& values, Code* codes) {
  constexpr int row_bits = 32;
  std::vector<std::uint64_t> rows(column.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i] = std::uint64_t{sort_key(column[i])} << row_bits | i;
  radix_sort(rows, row_bits);
  std::size_t code = 0;
  for (auto const row : rows) {
    auto const value = value_of_key(static_cast<std::uint32_t>(row >> row_bits));
    while (code < values.size() && values[code] < value) ++code;
    codes[static_cast<std::uint32_t>(row)] = static_cast<Code>(code);
  }
}

template <class Code>
void write_by_searching(Column column, std::vector<float> const& values, Code* codes) {
  std::ranges::transform(column, codes, [&](float v) {
    return static_cast<Code>(std::ranges::lower_bound(values, v) - values.begin());
  });
}

template <class Code>
void write_ordinal(Column column, std::vector<float> const& values, Code* codes) {
  auto const range = whole_range(column);
  if (range.size == 0) {
    // A few rows of a set of many values are found one by one.
    constexpr std::size_t most_values_a_row = 16;
    if (values.size() / most_values_a_row <= column.size())
      write_by_sorting(column, values, codes);
    else
      write_by_searching(column, values, codes);
    return;
  }
  std::vector<Code> rank(static_cast<std::size_t>(range.size));
  for (std::size_t i = 0; i < values.size(); ++i)  // also values of rows that are not here
    if (range.holds(values[i])) rank[range.slot(values[i])] = static_cast<Code>(i);
  std::ranges::transform(column, codes, [&](float v) { return rank[range.slot(v)]; });
}

template <class Code>
void write_group(Dataset const& dataset, BlockPlan const& plan, Code* codes) {
  std::fill_n(codes, dataset.rows(), static_cast<Code>(plan.features));
  for (int member = 0; member < plan.features; ++member) {
    auto const column = column_of(dataset, plan.first_feature + member);
    for (std::size_t i = 0; i < column.size(); ++i)
      codes[i] = column[i] != 0 ? static_cast<Code>(member) : codes[i];
  }
}

/// Where everything comes to stand.
struct Layout {
  Header header;
  std::vector<Record> records;
};

/// What a table is made of besides its codes.
struct Form {
  std::int64_t rows;
  std::int32_t classes;
  std::span<std::uint16_t const> labels;
};

Layout lay_out(Form const& form, std::vector<BlockPlan> const& plans) {
  std::size_t end = 0;
  auto const reserve = [&end](std::size_t bytes) {
    return std::exchange(end, end + aligned(bytes));
  };
  reserve(sizeof(Header));
  reserve(plans.size() * sizeof(Record));
  Header header{};
  header.labels = form.labels.size();
  header.labels_at = reserve(form.labels.size_bytes());
  std::vector<Record> records;
  for (auto const& plan : plans) {
    auto const width = static_cast<std::uint32_t>(width_for(plan.codes));
    auto const values_at = reserve(plan.values.size() * sizeof(float));
    records.push_back({reserve(static_cast<std::size_t>(form.rows) * width), values_at,
                       plan.values.size(), plan.codes, plan.first_feature, plan.features, width});
  }
  header.magic = magic;
  header.version = version;
  header.bytes = end;
  header.rows = form.rows;
  header.classes = form.classes;
  header.blocks = static_cast<std::int32_t>(plans.size());
  return {header, std::move(records)};
}

std::uint32_t crc_of_index(Header header, Record const* records) {
  header.index_crc = 0;
  std::string index(sizeof header, '\0');
  std::memcpy(index.data(), &header, sizeof header);
  index.append(reinterpret_cast<char const*>(records),
               static_cast<std::size_t>(header.blocks) * sizeof(Record));
  return crc32(index);
}

template <class T>
void copy_to(std::byte* target, std::span<T const> source) {
  if (!source.empty()) std::memcpy(target, source.data(), source.size_bytes());
}

/// Puts a table together; `write(b, codes)` gives the codes of block b.
EncodedTable build(Form const& form, std::vector<BlockPlan> const& plans,
                   std::function<void(std::size_t, std::byte*)> const& write) {
  auto [header, records] = lay_out(form, plans);
  header.index_crc = crc_of_index(header, records.data());
  auto const memory = allocate_zeroed(header.bytes);
  auto* const start = memory.get();
  std::memcpy(start, &header, sizeof header);
  copy_to<Record>(start + aligned(sizeof header), records);
  copy_to(start + header.labels_at, form.labels);
  for (std::size_t b = 0; b < plans.size(); ++b) {
    copy_to<float>(start + records[b].values_at, plans[b].values);
    write(b, start + records[b].data_at);
  }
  return EncodedTable::view({start, header.bytes}, memory);
}

void require(bool holds, std::string_view what) {
  if (!holds)
    throw DataError{"encoded data set: " + std::string{what} +
                    "; it was cut off or damaged on its way, encode the data set again"};
}

/// Header and records of `bytes`, once all they say has been found true of the span.
struct Index {
  Header header;
  Record const* records;
};

bool lies_within(std::size_t size, std::uint64_t at, std::uint64_t count, std::size_t element) {
  return at % alignment == 0 && at <= size && count <= (size - at) / element;
}

void check(Record const& record, Header const& header, std::int32_t expected_feature) {
  auto const is_width = record.width == 1 || record.width == 2 || record.width == 4;
  require(is_width && record.features >= 1 && record.first_feature == expected_feature,
          "a column's description is impossible");
  require(lies_within(header.bytes, record.values_at, record.values, sizeof(float)) &&
              lies_within(header.bytes, record.data_at, static_cast<std::uint64_t>(header.rows),
                          record.width),
          "a column lies outside of it");
}

Index checked_index(std::span<std::byte const> bytes) {
  require(bytes.size() >= sizeof(Header), "it is shorter than its header");
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  require(header.magic == magic, "it does not start as one");
  require(header.version == version, "it is of version " + std::to_string(header.version) +
                                         ", expected " + std::to_string(version));
  require(header.bytes == bytes.size(), "it has " + std::to_string(bytes.size()) +
                                            " bytes, expected " + std::to_string(header.bytes));
  require(header.rows >= 0 && header.classes >= 0 && header.blocks >= 0, "a size is negative");
  auto const records_at = aligned(sizeof header);
  require(lies_within(bytes.size(), records_at, static_cast<std::uint64_t>(header.blocks),
                      sizeof(Record)) &&
              lies_within(bytes.size(), header.labels_at, header.labels, sizeof(std::uint16_t)),
          "it has more columns or labels than bytes");
  auto const* const records = reinterpret_cast<Record const*>(bytes.data() + records_at);
  require(crc_of_index(header, records) == header.index_crc, "its checksum is wrong");
  return {header, records};
}

}  // namespace

std::uint32_t Block::code(std::int64_t row) const {
  if (width == Width::u8) return as<std::uint8_t>()[row];
  if (width == Width::u16) return as<std::uint16_t>()[row];
  return as<std::uint32_t>()[row];
}

EncodedTable EncodedTable::encode(Dataset const& dataset) {
  if (dataset.rows() > most_rows)
    throw DataError{dataset.name + ": " + std::to_string(dataset.rows()) +
                    " rows are more than row numbers of 32 bits can tell apart; split the file"};
  return encode(dataset, plan_blocks(summarise(dataset), dataset.rows()));
}

EncodedTable EncodedTable::encode(Dataset const& dataset, std::vector<BlockPlan> const& plans) {
  assert(!dataset.has_labels() || std::ssize(dataset.labels) == dataset.rows());
  Form const form{dataset.rows(), dataset.classes(), dataset.labels};
  return build(form, plans, [&](std::size_t b, std::byte* data) {
    auto const& plan = plans[b];
    with_codes_at(data, width_for(plan.codes), [&](auto* codes) {
      if (plan.is_group())
        write_group(dataset, plan, codes);
      else
        write_ordinal(column_of(dataset, plan.first_feature), plan.values, codes);
    });
  });
}

EncodedTable EncodedTable::assemble(EncodedTable const& like, std::int64_t rows,
                                    std::function<void(std::size_t, std::byte*)> const& fill) {
  std::vector<BlockPlan> plans;
  for (auto const& block : like.blocks())
    plans.push_back({block.first_feature,
                     block.features,
                     block.codes,
                     {block.values.begin(), block.values.end()}});
  return build({rows, like.classes(), {}}, plans, fill);
}

EncodedTable EncodedTable::view(std::span<std::byte const> bytes,
                                std::shared_ptr<void const> owner) {
  assert(reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(Header) == 0);
  auto const [header, records] = checked_index(bytes);
  EncodedTable table;
  table.bytes_ = bytes;
  table.owner_ = std::move(owner);
  table.rows_ = header.rows;
  table.classes_ = header.classes;
  table.labels_ = {reinterpret_cast<std::uint16_t const*>(bytes.data() + header.labels_at),
                   header.labels};
  for (std::int32_t b = 0; b < header.blocks; ++b) {
    auto const& record = records[b];
    check(record, header, static_cast<std::int32_t>(table.places_.size()));
    table.blocks_.push_back(
        {static_cast<Block::Width>(record.width),
         record.codes,
         record.first_feature,
         record.features,
         bytes.data() + record.data_at,
         {reinterpret_cast<float const*>(bytes.data() + record.values_at), record.values}});
    for (std::int32_t member = 0; member < record.features; ++member)
      table.places_.push_back({b, member});
  }
  return table;
}

float EncodedTable::value(std::int64_t row, int feature) const {
  auto const at = place(feature);
  auto const& held = block(at);
  auto const code = held.code(row);
  if (held.is_group()) return code == static_cast<std::uint32_t>(at.member) ? 1.0f : 0.0f;
  return held.values[code];
}

}  // namespace canopy::data
