#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "canopy/data/dataset.hpp"

namespace canopy::data {

/// Gathers class labels as they are written and numbers them at the end: ascending when all are
/// numbers, sorted when one is a word.
class LabelCollector {
 public:
  static std::size_t constexpr most_classes = 65535;

  /// What is wrong with this label, or "" once it is taken.
  std::string add(std::string_view word);
  /// Moves the labels and class names into `dataset`.
  void finish(Dataset& dataset);

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::unordered_map<std::string, std::uint16_t, Hash, std::equal_to<>> numbers_;
  std::vector<std::string> words_;     ///< in order of appearance
  std::vector<std::uint16_t> labels_;  ///< places in `words_`
};

}  // namespace canopy::data
