#pragma once

#include <string>

#include "canopy/core/options.hpp"

namespace canopy::test {

/// Settings with options set by words, as in "eta 4; scheduler asha".
template <class Settings>
Settings with_options(std::string const& words) {
  Settings settings;
  Options options;
  settings.describe(options);
  for (auto const& word : text::split(words, ';')) {
    auto const parts = text::split(text::trim(word), ' ');
    options.set(parts.at(0), parts.at(1));
  }
  return settings;
}

}  // namespace canopy::test
