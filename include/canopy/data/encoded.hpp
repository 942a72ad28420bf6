#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "canopy/data/dataset.hpp"
#include "canopy/data/encoding.hpp"

namespace canopy::data {

/// One array of codes with an entry per row: an ordinal column, or a group of one-hot columns.
///
/// Ordinal: code = rank of the value among the column's distinct values, which stand ascending in
/// `values`; nothing is binned away. Group of m columns: code c < m says that column
/// `first_feature + c` is 1 and the others 0; c == m says that all are 0.
struct Block {
  enum class Width : std::uint8_t { u8 = 1, u16 = 2, u32 = 4 };

  Width width;
  std::uint32_t codes;           ///< codes are 0 .. codes-1
  std::int32_t first_feature;
  std::int32_t features;         ///< 1 for an ordinal column
  std::byte const* data;         ///< rows entries of `width`
  std::span<float const> values; ///< ordinal: one per code; empty for a group

  bool is_group() const { return values.empty(); }
  template <class Code>
  Code const* as() const { return reinterpret_cast<Code const*>(data); }
  std::uint32_t code(std::int64_t row) const;
};

/// Where a feature (a column of the Dataset) is found among the blocks.
struct FeaturePlace {
  std::int32_t block;
  std::int32_t member;  ///< place in its group; 0 for an ordinal column
};

/// A data set as forests want it: exact rank codes and class numbers in one contiguous piece of
/// memory without pointers, so that it can be sent, or shared by the ranks of a node.
class EncodedTable {
 public:
  /// Row numbers are 32 bits wide, and one of them means none.
  static constexpr std::int64_t most_rows = 0xffff'fffe;

  /// Encodes features and labels. Throws DataError above most_rows.
  static EncodedTable encode(Dataset const& dataset);
  /// The same for a part of the rows, by the plan of all of them: each row gets the codes that it
  /// has in the table of the whole.
  static EncodedTable encode(Dataset const& dataset, std::vector<BlockPlan> const& plans);

  /// A table of `rows` rows without labels, coded as `like`. `fill(b, codes)` writes the codes of
  /// block b, rows times its width; it is called once for each block in order.
  static EncodedTable assemble(EncodedTable const& like, std::int64_t rows,
                               std::function<void(std::size_t, std::byte*)> const& fill);

  /// A view of bytes that `bytes()` gave, kept alive by `owner`. Throws DataError if they are not.
  static EncodedTable view(std::span<std::byte const> bytes, std::shared_ptr<void const> owner);

  std::span<std::byte const> bytes() const { return bytes_; }
  std::int64_t rows() const { return rows_; }
  int features() const { return static_cast<int>(places_.size()); }
  int classes() const { return classes_; }
  std::span<Block const> blocks() const { return blocks_; }
  Block const& block(FeaturePlace place) const {
    return blocks_[static_cast<std::size_t>(place.block)];
  }
  FeaturePlace place(int feature) const { return places_[static_cast<std::size_t>(feature)]; }
  std::span<std::uint16_t const> labels() const { return labels_; }

  /// The original value, as the Dataset held it.
  float value(std::int64_t row, int feature) const;

 private:
  std::span<std::byte const> bytes_;
  std::shared_ptr<void const> owner_;
  std::int64_t rows_ = 0;
  int classes_ = 0;
  std::vector<Block> blocks_;
  std::vector<FeaturePlace> places_;
  std::span<std::uint16_t const> labels_;
};

}  // namespace canopy::data
