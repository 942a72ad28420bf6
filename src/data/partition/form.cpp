#include "partition/form.hpp"

#include <algorithm>
#include <cmath>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::data {
namespace {

double constexpr most = 1'000'000'000;

[[noreturn]] void refuse(std::string_view option, std::string const& word,
                         std::string const& expected) {
  throw UserError{"--" + std::string{option} + " is '" + word + "'" + expected};
}

}  // namespace

std::string all_forms(std::span<Form const> forms) {
  std::vector<std::string> texts;
  for (auto const& form : forms) texts.push_back(form.text());
  return text::join(texts, ", ");
}

Chosen choose(std::string_view option, std::string const& word, std::span<Form const> forms) {
  auto const colon = word.find(':');
  auto const name = word.substr(0, colon);
  auto const found = std::ranges::find(forms, name, &Form::name);
  if (found == forms.end()) {
    std::vector<std::string> names;
    for (auto const& form : forms) names.push_back(form.name);
    refuse(option, word, text::did_you_mean(name, names) + ", expected one of " + all_forms(forms));
  }
  Chosen const chosen{static_cast<std::size_t>(found - forms.begin()), 0};
  if (found->number.empty()) {
    if (colon != std::string::npos) refuse(option, word, ", expected " + name + " alone");
    return chosen;
  }
  auto const number =
      colon == std::string::npos ? std::nullopt : text::to_double(word.substr(colon + 1));
  if (!number || !found->range.holds(*number))
    refuse(option, word,
           ", expected " + found->text() + " with " + found->number + " " + found->range.text);
  return {chosen.index, *number};
}

Rule<double> no_number() {
  return any<double>("");
}

Rule<double> above_0() {
  return {"more than 0 and at most 1e9", [](double x) { return x > 0 && x <= most; }};
}

Rule<double> from_0() {
  return {"from 0 to 1e9", [](double x) { return x >= 0 && x <= most; }};
}

Rule<double> whole_from_1() {
  return {"a whole number from 1 to 1e9",
          [](double x) { return x >= 1 && x <= most && x == std::floor(x); }};
}

}  // namespace canopy::data
