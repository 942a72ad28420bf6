#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "canopy/core/text.hpp"

namespace canopy {

/// What a value must satisfy, in the words that help and error messages use.
template <class T>
struct Rule {
  std::string text;
  std::function<bool(T const&)> holds;
  std::vector<std::string> names{};  ///< words that hold, for whoever mistypes one
};

/// Neither takes the infinite: no work has so many parts, and no update survives it.
template <class T>
Rule<T> at_least(T low) {
  return {"at least " + text::shortest(static_cast<double>(low)),
          [low](T const& value) { return value >= low && value <= std::numeric_limits<T>::max(); }};
}

template <class T>
Rule<T> more_than(T low) {
  return {"more than " + text::shortest(static_cast<double>(low)),
          [low](T const& value) { return value > low && value <= std::numeric_limits<T>::max(); }};
}

template <class T>
Rule<T> between(T low, T high) {
  return {"between " + text::shortest(static_cast<double>(low)) + " and " +
              text::shortest(static_cast<double>(high)),
          [low, high](T const& value) { return low <= value && value <= high; }};
}

inline Rule<std::string> one_of(std::vector<std::string> names) {
  auto text = "one of " + text::join(names, ", ");
  return {std::move(text),
          [names](std::string const& value) {
            return std::find(names.begin(), names.end(), value) != names.end();
          },
          names};
}

/// Everything is allowed; `text` says what the value means, as in "FILE" or "NAME|NUMBER".
template <class T>
Rule<T> any(std::string text) {
  return {std::move(text), [](T const&) { return true; }};
}

}  // namespace canopy
