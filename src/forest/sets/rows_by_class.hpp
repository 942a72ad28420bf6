#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "canopy/data/encoded.hpp"

#include "grow/bag.hpp"
#include "grow/compact_rows.hpp"
#include "small/row_masks.hpp"
#include "small/row_packer.hpp"
#include "split/impurity.hpp"

namespace canopy::forest {

/// The rows of a subtree as sets see them: in the order of their classes, each class from a word of
/// its own on, and column by column. A set of them has one bit per row, so the weight of a class in
/// a set is the number of bits in a stretch of words. A row that the bootstrap drew several times
/// has a bit for every time. Columns are fetched when they are first asked for; memory serves one
/// subtree after another.
template <class Code>
class RowsByClass {
 public:
  explicit RowsByClass(data::EncodedTable const& table)
      : table_{table},
        columns_(table.blocks().size()),
        ones_(static_cast<std::size_t>(table.features())) {}

  /// Words for sets of rows that weigh so much class by class.
  static std::size_t words_for(ClassCounts weights) {
    std::size_t words = 0;
    for (auto const weight : weights) words += words_of(weight);
    return words;
  }

  /// The rows of a bag; `weights` are its class counts. Without a bootstrap all trees have the
  /// same, which then keep the columns that were fetched.
  void start(std::span<Sample const> samples, ClassCounts weights) {
    if (!samples.empty() && std::ranges::equal(samples, bag_)) return;
    begin(nullptr, words_for(weights));
    bag_.assign(samples.begin(), samples.end());
    std::vector<std::size_t> next(weights.size());
    std::uint32_t word = 0;
    for (std::uint32_t k = 0; k < weights.size(); ++k) {
      next[k] = word * most_mask_rows;
      if (weights[k] > 0) add_class(k, word, weights[k]);
      word += static_cast<std::uint32_t>(words_of(weights[k]));
    }
    rows_.assign(words() * most_mask_rows, 0);
    for (auto const& sample : samples) {
      auto& place = next[sample.label];
      if (sample.weight == 0) continue;
      insert(firsts_, place);
      has_repeats_ = has_repeats_ || sample.weight > 1;
      for (auto times = sample.weight; times > 0; --times) rows_[place++] = sample.row;
    }
  }

  /// A set of another's rows, in their order, which must stay as it is; `weights` of all classes
  /// are the set's.
  void start(RowsByClass& whole, std::span<RowMask const> set, ClassCounts weights) {
    begin(&whole, words_for(weights));
    packer_.clear();
    std::uint32_t word = 0;
    for (auto const& known : whole.classes_) {
      if (weights[known.label] == 0) continue;
      std::size_t place = word * most_mask_rows;
      for (auto w = known.first_word; w < known.last_word; ++w) {
        packer_.add(w, set[w], place);
        if (whole.has_repeats_) insert(firsts_, place, whole.packed_firsts(w, set[w]));
        place += count(set[w]);
      }
      add_class(known.label, word, weights[known.label]);
      word += static_cast<std::uint32_t>(words_of(weights[known.label]));
    }
    has_repeats_ = whole.has_repeats_;
    if (!has_repeats_) firsts_ = all_;
    if (has_many_columns()) {
      rows_.assign(words() * most_mask_rows, 0);
      packer_.pack(whole.rows_.data(), rows_.data());
    }
  }

  std::size_t words() const { return all_.size(); }
  std::span<RowMask const> all() const { return all_; }
  /// Whether some row has several bits.
  bool has_repeats() const { return has_repeats_; }

  /// How many different rows a set has.
  std::uint32_t distinct(std::span<RowMask const> set) const {
    std::uint32_t rows = 0;
    for (std::size_t w = 0; w < set.size(); ++w) rows += count(set[w] & firsts_[w]);
    return rows;
  }

  /// The weight of a set; those of its classes go to `weights`.
  std::uint32_t weigh(std::span<RowMask const> set, std::span<std::uint32_t> weights) const {
    std::ranges::fill(weights, 0);
    std::uint32_t sum = 0;
    for (auto const& known : classes_) {
      std::uint32_t weight = 0;
      for (auto w = known.first_word; w < known.last_word; ++w) weight += count(set[w]);
      weights[known.label] = weight;
      sum += weight;
    }
    return sum;
  }

  /// Calls `act(label, first_word, last_word)` for every class that has rows: they stand in the
  /// words first_word .. last_word - 1.
  template <class Act>
  void for_each_class(Act act) const {
    for (auto const& known : classes_) act(known.label, known.first_word, known.last_word);
  }

  /// For each bit of a set in one word, in order, whether it is the first of its row.
  RowMask packed_firsts(std::size_t word, RowMask set) const {
    RowMask packed = 0;
    std::size_t place = 0;
    for_each_row(set, [&](std::size_t i) { packed |= (firsts_[word] >> i & 1) << place++; });
    return packed;
  }

  /// Whether the codes of a block are at hand, or worth to be. Where there are many columns, most
  /// are asked for by few subtrees, which had better look up their own rows in the table.
  bool hands_on(std::size_t block) const {
    return !has_many_columns() || columns_[block].serial == serial_;
  }
  bool has_many_columns() const { return columns_.size() > 16; }
  /// Numbers of the rows in the table, one for each bit; for sets only if they have many columns.
  std::uint32_t const* rows() const { return rows_.data(); }

  /// Codes of a block, a MaskColumn per word.
  MaskColumn<Code> const* column(std::size_t block) {
    auto& column = columns_[block];
    if (column.serial != serial_) fetch(block, column);
    return column.words.data();
  }

  /// The rows where a member of a one-hot group is 1.
  RowMask const* ones(int feature, std::size_t block, std::uint32_t member) {
    auto& ones = ones_[static_cast<std::size_t>(feature)];
    if (ones.serial == serial_) return ones.words.data();
    ones.serial = serial_;
    ones.words.resize(words());
    auto const* codes = column(block);
    for (std::size_t w = 0; w < words(); ++w)
      ones.words[w] = codes[w].equal_to(static_cast<Code>(member));
    return ones.words.data();
  }

 private:
  /// The rows of one class stand in the words first_word .. last_word - 1.
  struct Class {
    std::uint32_t label;
    std::uint32_t first_word;
    std::uint32_t last_word;
  };
  template <class Word>
  struct Lazy {
    std::uint64_t serial = 0;  ///< of the subtree that the words are of
    std::vector<Word> words;
  };

  static std::size_t words_of(std::uint32_t weight) {
    return (weight + most_mask_rows - 1) / most_mask_rows;
  }

  /// `bits` go to `place` and after it.
  static void insert(std::vector<RowMask>& set, std::size_t place, RowMask bits = 1) {
    if (bits == 0) return;
    auto const shift = place % most_mask_rows;
    set[place / most_mask_rows] |= bits << shift;
    if (auto const rest = bits >> 1 >> (most_mask_rows - 1 - shift); rest != 0)
      set[place / most_mask_rows + 1] |= rest;
  }

  void begin(RowsByClass* whole, std::size_t words) {
    ++serial_;
    whole_ = whole;
    bag_.clear();
    all_.assign(words, 0);
    firsts_.assign(words, 0);
    has_repeats_ = false;
    classes_.clear();
  }

  void add_class(std::uint32_t label, std::uint32_t word, std::uint32_t weight) {
    auto const end = word + static_cast<std::uint32_t>(words_of(weight));
    classes_.push_back({label, word, end});
    std::fill_n(all_.begin() + word, weight / most_mask_rows, ~RowMask{0});
    if (auto const rest = weight % most_mask_rows; rest > 0)
      all_[end - 1] = ~RowMask{0} >> (most_mask_rows - rest);
  }

  void fetch(std::size_t block, Lazy<MaskColumn<Code>>& column) {
    column.serial = serial_;
    column.words.resize(words() + 1);
    auto* to = column.words.front().codes.data();
    if (whole_ != nullptr && whole_->hands_on(block))
      return packer_.pack(whole_->column(block), to);
    with_codes(table_.blocks()[block], [&](auto const* from) {
      for (std::size_t i = 0; i < rows_.size(); ++i) to[i] = static_cast<Code>(from[rows_[i]]);
    });
  }

  data::EncodedTable const& table_;
  std::uint64_t serial_ = 0;
  RowsByClass* whole_ = nullptr;  ///< what these are a set of, or none
  RowPacker packer_;              ///< for that
  std::vector<Sample> bag_;       ///< that these are, or none
  std::vector<RowMask> all_;
  std::vector<RowMask> firsts_;  ///< the first bit of every row
  bool has_repeats_ = false;
  std::vector<data::RowIndex> rows_;  ///< per bit; any where there is none
  std::vector<Class> classes_;        ///< by ascending label; only those that have rows
  std::vector<Lazy<MaskColumn<Code>>> columns_;
  std::vector<Lazy<RowMask>> ones_;
};

}  // namespace canopy::forest
