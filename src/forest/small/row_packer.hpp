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

  template <class Code>
  void pack(MaskColumn<Code> const* from, Code* to) const {
    for (auto const& piece : pieces_) pack(from[piece.word], piece.rows, to + piece.place);
  }

 private:
  struct Piece {
    RowMask rows;
    std::size_t word;
    std::size_t place;
  };

  static void pack(MaskColumn<std::uint16_t> const& column, RowMask rows, std::uint16_t* to) {
#if defined(__AVX512VBMI2__) && defined(__AVX512BW__)
    for (std::size_t i = 0; i < most_mask_rows; i += 32) {
      auto const some = static_cast<std::uint32_t>(rows >> i);
      auto const codes = _mm512_load_si512(column.codes.data() + i);
      _mm512_storeu_si512(to, _mm512_maskz_compress_epi16(some, codes));
      to += count(some);
    }
#else
    for_each_row(rows, [&](std::size_t i) { *to++ = column.codes[i]; });
#endif
  }
  static void pack(MaskColumn<std::uint32_t> const& column, RowMask rows, std::uint32_t* to) {
#if defined(__AVX512F__)
    for (std::size_t i = 0; i < most_mask_rows; i += 16) {
      auto const some = static_cast<__mmask16>(rows >> i);
      auto const codes = _mm512_load_si512(column.codes.data() + i);
      _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(some, codes));
      to += count(some);
    }
#else
    for_each_row(rows, [&](std::size_t i) { *to++ = column.codes[i]; });
#endif
  }

  std::vector<Piece> pieces_;
};

}  // namespace canopy::forest
