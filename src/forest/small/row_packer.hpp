#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "small/row_masks.hpp"

namespace canopy::forest {

/// Copies the codes of some rows out of a column whose words are 64 rows each, so that they stand
/// side by side.
class RowPacker {
 public:
  /// Codes behind the last row that may be written over.
  static constexpr std::size_t slack = most_mask_rows / 2;

  void clear() { pieces_.clear(); }

  /// These rows of a word go to `place` and after it. Places ascend.
  void add(std::size_t word, RowMask rows, std::size_t place) {
    if (rows != 0) pieces_.push_back({rows, word, place});
  }

  /// The same with numbers that stand one by one.
  void pack(std::uint32_t const* from, std::uint32_t* to) const {
    for (auto const& piece : pieces_) {
      auto place = piece.place;
      for_each_row(piece.rows,
                   [&](std::size_t i) { to[place++] = from[piece.word * most_mask_rows + i]; });
    }
  }

  void pack(MaskColumn const* from, std::uint16_t* to) const {
    for (auto const& piece : pieces_) pack(from[piece.word], piece.rows, to + piece.place);
  }

 private:
  struct Piece {
    RowMask rows;
    std::size_t word;
    std::size_t place;
  };

  static void pack(MaskColumn const& column, RowMask rows, std::uint16_t* to) {
#if defined(__AVX512VBMI2__) && defined(__AVX512BW__)
    auto const low = static_cast<std::uint32_t>(rows);
    auto const high = static_cast<std::uint32_t>(rows >> 32);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi16(low, masks::half(column, 0)));
    _mm512_storeu_si512(to + count(low), _mm512_maskz_compress_epi16(high, masks::half(column, 1)));
#else
    for_each_row(rows, [&](std::size_t i) { *to++ = column.codes[i]; });
#endif
  }

  std::vector<Piece> pieces_;
};

}  // namespace canopy::forest
