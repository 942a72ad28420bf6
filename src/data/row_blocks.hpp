#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include <Eigen/Core>

namespace canopy::data {

/// Gathers rows whose number is not known beforehand, in blocks that fit the cache, and turns them
/// into one column-major matrix. Rows are never moved while they come in.
class RowBlocks {
 public:
  explicit RowBlocks(std::size_t columns)
      : columns_{columns}, block_rows_{std::max<std::size_t>(64, 65536 / (columns + 1))} {}

  /// Room for one more row; it counts at once.
  float* next_row() {
    if (rows_ % block_rows_ == 0)
      blocks_.push_back(std::make_unique_for_overwrite<float[]>(block_rows_ * columns_));
    return blocks_.back().get() + (rows_++ % block_rows_) * columns_;
  }
  std::size_t rows() const { return rows_; }

  /// rows x columns. Each block is freed once it is copied, so that the peak is little above one
  /// copy of the table.
  Eigen::MatrixXf finish() {
    using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    auto const columns = static_cast<Eigen::Index>(columns_);
    Eigen::MatrixXf matrix(static_cast<Eigen::Index>(rows_), columns);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      auto const first = static_cast<Eigen::Index>(i * block_rows_);
      auto const n = std::min(static_cast<Eigen::Index>(block_rows_), matrix.rows() - first);
      matrix.middleRows(first, n) = Eigen::Map<RowMajor const>{blocks_[i].get(), n, columns};
      blocks_[i].reset();
    }
    return matrix;
  }

 private:
  std::size_t columns_;
  std::size_t block_rows_;
  std::size_t rows_ = 0;
  std::vector<std::unique_ptr<float[]>> blocks_;
};

}  // namespace canopy::data
