#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"

#include "grow/compact_rows.hpp"
#include "small/row_masks.hpp"

namespace canopy::forest {

/// The rows of a subtree that weighs up to 64, column by column and class by class, so that a set
/// of them is one word. A row that the bootstrap drew several times has a bit for every time: the
/// weight of a set is its number of bits. Columns are fetched when they are first asked for; memory
/// serves one subtree after another.
///
/// Wide columns (32-bit codes) are held by the rank among these rows, so that 16 bits do for all.
class MaskRows {
 public:
  struct Class {
    std::uint32_t label;
    RowMask rows;
  };

  MaskRows(data::EncodedTable const& table, std::size_t classes)
      : table_{table},
        columns_(table.blocks().size()),
        fetched_(columns_.size()),
        wide_codes_(columns_.size()),
        rows_of_class_(classes) {}

  /// Group columns compare with a member's own code, which must fit.
  static bool fit(data::EncodedTable const& table) {
    return std::ranges::none_of(table.blocks(), [](data::Block const& block) {
      return block.is_group() && block.width == data::Block::Width::u32;
    });
  }

  template <class Row>
  void start(std::span<Row const> rows) {
    ++serial_;
    set(rows);
    classes_.clear();
    size_ = 0;
    firsts_ = 0;
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      firsts_ |= RowMask{1} << size_;
      auto const label = label_of(rows[i]);
      add_to_class(label, weight_of(rows[i]));
      for (auto times = weight_of(rows[i]); times > 0; --times) {
        labels_[size_] = label;
        places_[size_++] = place_of(rows[i], i);
      }
    }
    std::ranges::sort(classes_, {}, &Class::label);
    for (auto& in_order : classes_) std::swap(in_order.rows, rows_of_class_[in_order.label]);
  }

  /// All of them; none where no row of the bootstrap weighs anything.
  RowMask all() const { return size_ == 0 ? 0 : ~RowMask{0} >> (most_mask_rows - size_); }
  /// How many different rows a set has.
  std::uint32_t distinct(RowMask rows) const { return count(rows & firsts_); }

  /// The class of the first row of a set that has rows.
  std::uint32_t label(RowMask rows) const {
    return labels_[static_cast<std::size_t>(std::countr_zero(rows))];
  }

  /// Those that have rows, by ascending label.
  std::span<Class const> classes() const { return classes_; }

  MaskColumn const& column(std::size_t block) {
    if (fetched_[block] != serial_) fetch(block);
    return columns_[block];
  }

  /// The table's code for a code of this column, and the last code here that is at most a table's.
  std::uint32_t table_code(std::size_t block, std::uint16_t code) const {
    return is_wide(block) ? wide_codes_[block][code] : code;
  }
  std::uint16_t code_here(std::size_t block, std::uint32_t table_code) const {
    if (!is_wide(block)) return static_cast<std::uint16_t>(table_code);
    auto const& codes = wide_codes_[block];
    return static_cast<std::uint16_t>(std::ranges::upper_bound(codes, table_code) - codes.begin() -
                                      1);
  }

 private:
  bool is_wide(std::size_t block) const {
    return table_.blocks()[block].width == data::Block::Width::u32;
  }

  void set(std::span<Sample const> rows) {
    samples_ = rows;
    codes_of_row_ = nullptr;
  }
  template <std::size_t Lanes>
  void set(std::span<CompactRow<Lanes> const> rows) {
    codes_of_row_ = reinterpret_cast<std::uint16_t const*>(rows.data());
    lanes_ = Lanes;
  }

  static std::uint32_t place_of(Sample const& row, std::uint32_t) { return row.row; }
  template <std::size_t Lanes>
  static std::uint32_t place_of(CompactRow<Lanes> const&, std::uint32_t number) {
    return number;
  }

  /// The next bits are a row of this class.
  void add_to_class(std::uint32_t label, std::uint32_t weight) {
    auto& rows = rows_of_class_[label];
    if (rows == 0) classes_.push_back({label, 0});
    rows |= ~RowMask{0} >> (most_mask_rows - weight) << size_;
  }

  void fetch(std::size_t block) {
    fetched_[block] = serial_;
    if (codes_of_row_ != nullptr)
      put(block, [&](std::size_t i) { return codes_of_row_[i * lanes_ + block]; });
    else if (is_wide(block))
      fetch_wide(block);
    else
      with_codes(table_.blocks()[block], [&](auto const* all) {
        put(block, [&](std::size_t row) { return static_cast<std::uint16_t>(all[row]); });
      });
  }

  /// `code_of(place)` gives the code of the row there.
  template <class CodeOf>
  void put(std::size_t block, CodeOf code_of) {
    auto* code = columns_[block].codes.data();
    for (std::size_t i = 0; i < size_; ++i) code[i] = code_of(places_[i]);
  }

  void fetch_wide(std::size_t block) {
    auto const* all = table_.blocks()[block].as<std::uint32_t>();
    auto& distinct = wide_codes_[block];
    distinct.clear();
    for (auto const& sample : samples_) distinct.push_back(all[sample.row]);
    std::ranges::sort(distinct);
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    put(block, [&](std::size_t row) { return code_here(block, all[row]); });
  }

  data::EncodedTable const& table_;
  std::span<Sample const> samples_;              ///< one of these two
  std::uint16_t const* codes_of_row_ = nullptr;  ///< compact rows, `lanes_` numbers each
  std::size_t lanes_ = 0;
  std::size_t size_ = 0;  ///< bits in use
  /// For each bit its row: the number in the table, or among the compact rows; and its class.
  std::array<std::uint32_t, most_mask_rows> places_{};
  std::array<std::uint32_t, most_mask_rows> labels_{};
  RowMask firsts_ = 0;                  ///< one bit of every row
  std::uint64_t serial_ = 0;            ///< of the subtree
  std::vector<MaskColumn> columns_;     ///< per block
  std::vector<std::uint64_t> fetched_;  ///< per block: the subtree it was fetched for
  std::vector<std::vector<std::uint32_t>> wide_codes_;
  std::vector<Class> classes_;
  std::vector<RowMask> rows_of_class_;  ///< 0 between two subtrees
};

}  // namespace canopy::forest
