#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "canopy/data/encoded.hpp"

#include "grow/compact_rows.hpp"
#include "sets/rows_by_class.hpp"
#include "small/class_masks.hpp"
#include "small/row_masks.hpp"
#include "small/row_packer.hpp"

namespace canopy::forest {

/// The rows of a subtree that weighs up to 64, column by column and class by class, so that a set
/// of them is one word. A row that the bootstrap drew several times has a bit for every time: the
/// weight of a set is its number of bits. Where there are many columns they are fetched when they
/// are first asked for; memory serves one subtree after another.
template <class Code>
class MaskRows {
 public:
  MaskRows(data::EncodedTable const& table, std::size_t classes)
      : table_{table},
        columns_(table.blocks().size()),
        fetched_(columns_.size()),
        has_all_columns_{columns_.size() <= few_columns},
        members_(columns_.size()),
        rows_of_class_(classes) {
    for (int f = 0; f < table.features(); ++f) {
      auto const place = table.place(f);
      features_.push_back({.block = static_cast<std::uint32_t>(place.block),
                           .is_ordinal = !table.block(place).is_group()});
    }
  }

  template <class Row>
  void start(std::span<Row const> rows) {
    begin();
    if constexpr (!std::is_same_v<Row, Sample>) {
      codes_of_row_ = reinterpret_cast<Code const*>(rows.data());
      lanes_ = Row::lanes_of_row;
    }
    std::vector<std::uint32_t>& labels = labels_;
    labels.clear();
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      firsts_ |= RowMask{1} << size_;
      auto const weight = weight_of(rows[i]);
      auto& of_class = rows_of_class_[label_of(rows[i])];
      if (of_class == 0) labels.push_back(label_of(rows[i]));
      of_class |= ~RowMask{0} >> (most_mask_rows - weight) << size_;
      for (auto times = weight; times > 0; --times) places_[size_++] = place_of(rows[i], i);
    }
    std::ranges::sort(labels);
    for (auto const label : labels) {
      classes_.add(label, rows_of_class_[label]);
      rows_of_class_[label] = 0;
    }
    fetch_if_few();
  }

  /// A set of rows that stand by class already.
  void start(RowsByClass<Code>& among, std::span<RowMask const> set) {
    begin();
    among_ = &among;
    packer_.clear();
    among.for_each_class([&](std::uint32_t label, std::size_t first, std::size_t last) {
      auto const before = all();
      for (auto w = first; w < last; ++w) {
        packer_.add(w, set[w], size_);
        if (among.has_repeats())
          firsts_ |= among.packed_firsts(w, set[w]) << size_ % most_mask_rows;
        size_ += count(set[w]);
      }
      if (auto const rows = all() & ~before; rows != 0) classes_.add(label, rows);
    });
    if (!among.has_repeats()) firsts_ = all();
    if (among.has_many_columns()) packer_.pack(among.rows(), places_.data());
    fetch_if_few();
  }

  /// All of them; none where no row of the bootstrap weighs anything.
  RowMask all() const { return size_ == 0 ? 0 : ~RowMask{0} >> (most_mask_rows - size_); }
  /// How many different rows a set has.
  std::uint32_t distinct(RowMask rows) const { return count(rows & firsts_); }
  ClassMasks const& classes() const { return classes_; }

  MaskColumn<Code> const& column(std::size_t block) {
    if (fetched_[block] != serial_) fetch(block);
    return columns_[block].words;
  }

  /// The rows where a member of a one-hot group is 1.
  RowMask ones(int feature) {
    auto const& known = features_[static_cast<std::size_t>(feature)];
    if (!has_all_columns_) column(known.block);
    return known.ones;
  }
  /// False if a feature is a constant member of a group. No branch depends on the data.
  bool may_vary(int feature, RowMask all) {
    auto const some = ones(feature) & all;
    return features_[static_cast<std::size_t>(feature)].is_ordinal |
           (unsigned{some != 0} & unsigned{some != all});
  }

 private:
  /// More columns than this are fetched one by one.
  static constexpr std::size_t few_columns = 16;

  struct Feature {
    RowMask ones = 0;
    std::uint32_t block;
    std::uint32_t is_ordinal;
  };
  struct Column {
    MaskColumn<Code> words;
    std::array<Code, RowPacker::slack> slack;
  };

  void begin() {
    ++serial_;
    classes_.clear();
    size_ = 0;
    firsts_ = 0;
    among_ = nullptr;
    codes_of_row_ = nullptr;
  }

  static std::uint32_t place_of(Sample const& row, std::uint32_t) { return row.row; }
  template <class Compact>
  static std::uint32_t place_of(Compact const&, std::uint32_t number) {
    return number;
  }

  void fetch_if_few() {
    if (!has_all_columns_) return;
    for (std::size_t block = 0; block < columns_.size(); ++block) fetch(block);
  }

  void fetch(std::size_t block) {
    fetched_[block] = serial_;
    if (among_ != nullptr && among_->hands_on(block))
      packer_.pack(among_->column(block), columns_[block].words.codes.data());
    else if (codes_of_row_ != nullptr)
      put(block, [&](std::size_t i) { return codes_of_row_[i * lanes_ + block]; });
    else
      with_codes(table_.blocks()[block], [&](auto const* all) {
        put(block, [&](std::size_t row) { return static_cast<Code>(all[row]); });
      });
    if (table_.blocks()[block].is_group()) find_members(block);
  }

  /// `code_of(place)` gives the code of the row there.
  template <class CodeOf>
  void put(std::size_t block, CodeOf code_of) {
    auto* code = columns_[block].words.codes.data();
    for (std::size_t i = 0; i < size_; ++i) code[i] = code_of(places_[i]);
  }

  /// Which member of a group is 1 in which rows: few have any.
  void find_members(std::size_t block) {
    auto const& group = table_.blocks()[block];
    auto const& codes = columns_[block].words;
    for (auto const member : members_[block]) features_[member].ones = 0;
    members_[block].clear();
    for (auto rows = all(); rows != 0;) {
      auto const code = codes.codes[static_cast<std::size_t>(std::countr_zero(rows))];
      auto const ones = codes.equal_to(code) & rows;
      rows &= ~ones;
      if (code >= static_cast<std::uint32_t>(group.features)) continue;  // all members are 0
      auto const member = static_cast<std::uint32_t>(group.first_feature) + code;
      features_[member].ones = ones;
      members_[block].push_back(member);
    }
  }

  data::EncodedTable const& table_;
  Code const* codes_of_row_ = nullptr;  ///< compact rows, `lanes_` numbers each; or none
  RowsByClass<Code>* among_ = nullptr;  ///< or none
  RowPacker packer_;                    ///< for the last of them
  std::size_t lanes_ = 0;
  std::size_t size_ = 0;  ///< bits in use
  /// For each bit its row: the number in the table, or among the compact rows.
  std::array<std::uint32_t, most_mask_rows> places_{};
  RowMask firsts_ = 0;  ///< one bit of every row
  ClassMasks classes_;
  std::uint64_t serial_ = 0;            ///< of the subtree
  std::vector<Column> columns_;         ///< per block
  std::vector<std::uint64_t> fetched_;  ///< per block: the subtree it was fetched for
  bool has_all_columns_;                ///< from the start
  std::vector<Feature> features_;
  std::vector<std::vector<std::uint32_t>> members_;  ///< per block: those whose ones are not 0
  std::vector<RowMask> rows_of_class_;               ///< 0 between two subtrees
  std::vector<std::uint32_t> labels_;
};

}  // namespace canopy::forest
