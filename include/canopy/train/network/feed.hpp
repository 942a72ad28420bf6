#pragma once

#include <cstdint>
#include <span>

#include "canopy/data/samples.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/nn/standardisation.hpp"

namespace canopy::train {

/// Rows of a data set on their way into a network: standardised, in the form that passes want.
class Feed {
 public:
  /// `shape` of one sample as the network takes it.
  Feed(data::Samples const& samples, nn::Shape shape, nn::Standardisation const& standardisation);

  data::Samples const& samples() const { return samples_; }
  /// Writes the rows as nn::BasicPass::input() wants them.
  void inputs(std::span<data::RowIndex const> rows, std::span<float> input) const;
  /// Writes the class of each row.
  void labels(std::span<data::RowIndex const> rows, std::span<std::uint16_t> labels) const;

 private:
  data::Samples samples_;
  nn::Gather gather_;
};

/// Mean and deviation of the rows to learn from; per column of a table, per channel of an image.
nn::Standardisation standardisation_of(data::Samples const& samples,
                                       std::span<data::RowIndex const> rows, nn::Shape shape);

}  // namespace canopy::train
