#include "labels.hpp"

#include <algorithm>
#include <cmath>

#include "canopy/core/text.hpp"

namespace canopy::data {
namespace {

/// Texts of one class ("1" and "1.0") get one name.
std::vector<std::string> canonical(std::vector<std::string> const& words) {
  std::vector<std::string> names;
  for (auto const& word : words) {
    auto const number = text::to_double(word);
    if (!number) return words;
    names.push_back(text::shortest(*number == 0 ? 0.0 : *number));  // no class "-0"
  }
  return names;
}

/// All of `canonical`'s names are numbers, or the order is the words'.
void sort_names(std::vector<std::string>& names) {
  auto const numeric = std::ranges::all_of(
      names, [](auto const& name) { return text::to_double(name).has_value(); });
  if (numeric)
    std::ranges::sort(names, {}, [](auto const& name) { return *text::to_double(name); });
  else
    std::ranges::sort(names);
}

}  // namespace

std::string LabelCollector::add(std::string_view word) {
  auto found = numbers_.find(word);
  if (found == numbers_.end()) {
    if (word.empty()) return "the class label is missing, expected a number or a word";
    if (auto const number = text::to_double(word); number && !std::isfinite(*number))
      return "the class label is '" + std::string{word} + "', expected a finite number or a word";
    if (words_.size() == most_classes)
      return "this is the 65,536th different class label, expected at most 65,535; is this the "
             "label column (--label)?";
    found = numbers_.emplace(word, static_cast<std::uint16_t>(words_.size())).first;
    words_.emplace_back(word);
  }
  labels_.push_back(found->second);
  return "";
}

void LabelCollector::finish(Dataset& dataset) {
  auto const written = canonical(words_);
  auto names = written;
  sort_names(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::unordered_map<std::string, std::uint16_t> place;
  for (std::size_t i = 0; i < names.size(); ++i) place[names[i]] = static_cast<std::uint16_t>(i);
  std::vector<std::uint16_t> renumbered;
  for (auto const& name : written) renumbered.push_back(place.at(name));
  for (auto& label : labels_) label = renumbered[label];
  dataset.labels = std::move(labels_);
  dataset.class_names = std::move(names);
}

}  // namespace canopy::data
