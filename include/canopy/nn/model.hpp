#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/nn/architecture.hpp"
#include "canopy/nn/standardisation.hpp"

namespace canopy::nn {

inline constexpr std::string_view network_format = "canopy-network/1";

/// A trained network with all that is needed to use it on new rows.
struct Model {
  Architecture architecture;
  std::vector<float> arena;  ///< Network's layout: parameters, then buffers
  Standardisation standardisation;
  std::vector<std::string> class_names;    ///< one per class
  std::vector<std::string> feature_names;  ///< one per input number

  /// Attributes: format, name, layers (TOML), channels, height, width, sha256. Arrays: each tensor
  /// of the network by name ("1.weight"), mean, inverse_deviation, class_names, feature_names.
  NamedArrays to_arrays() const;
  /// DataError when the arrays do not describe a network.
  static Model from_arrays(NamedArrays const& arrays);

  /// Over the arena, as nn::sha256.
  std::string sha256() const;

  friend bool operator==(Model const&, Model const&) = default;
};

/// Class probabilities of new rows: rows x classes, row-major.
template <class Element>
std::vector<float> predict_proba(Model const& model, RowsView<Element> const& table,
                                 std::span<std::uint32_t const> rows);

}  // namespace canopy::nn
