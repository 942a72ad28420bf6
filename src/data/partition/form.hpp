#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "canopy/core/rule.hpp"

namespace canopy::data {

/// How one choice of a family is written: NAME, or NAME:NUMBER when the number has a name.
struct Form {
  std::string name;
  std::string number;  ///< "ALPHA"; empty when there is none
  Rule<double> range;
  std::string summary;

  std::string text() const { return number.empty() ? name : name + ":" + number; }
};

/// Which of a family's forms, and its number.
struct Chosen {
  std::size_t index = 0;
  double number = 0;
};

/// "iid, contiguous, dirichlet:ALPHA"
std::string all_forms(std::span<Form const> forms);

/// Takes the value `word` of an option apart; UserError when it is none of `forms`.
Chosen choose(std::string_view option, std::string const& word, std::span<Form const> forms);

/// Rules of numbers; all are finite.
Rule<double> no_number();
Rule<double> above_0();
Rule<double> from_0();
Rule<double> whole_from_1();

}  // namespace canopy::data
