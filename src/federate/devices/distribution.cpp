#include "canopy/federate/distribution.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

#include "devices/notation.hpp"

namespace canopy::federate {

struct Distribution::Family {
  std::string_view name;  ///< empty for a constant
  std::string_view parameters;
  std::string_view rule;
  bool (*holds)(double a, double b);
  double (*draw)(double a, double b, Stream& stream);
};

namespace {

constexpr std::array<Distribution::Family, 4> families{{
    {"", "CONSTANT", "more than 0",  //
     [](double a, double) { return a > 0; }, [](double a, double, Stream&) { return a; }},
    {"lognormal", "MEDIAN,SIGMA", "MEDIAN more than 0 and SIGMA at least 0",
     [](double a, double b) { return a > 0 && b >= 0; },
     [](double a, double b, Stream& stream) { return a * std::exp(b * stream.normal()); }},
    {"pareto", "MIN,ALPHA", "MIN and ALPHA more than 0",
     [](double a, double b) { return a > 0 && b > 0; },
     [](double a, double b, Stream& stream) { return a * std::pow(1 - stream.uniform(), -1 / b); }},
    {"uniform", "LOW,HIGH", "LOW more than 0 and HIGH at least LOW",
     [](double a, double b) { return a > 0 && b >= a; },
     [](double a, double b, Stream& stream) { return stream.uniform(a, b); }},
}};

std::string written(Distribution::Family const& family) {
  return family.name.empty() ? std::string{family.parameters}
                             : fmt::format("{}:{}", family.name, family.parameters);
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (auto const& family : families)
    if (!family.name.empty()) result.emplace_back(family.name);
  return result;
}

std::size_t parameters(Distribution::Family const& family) {
  return family.name.empty() ? 1 : 2;
}

}  // namespace

std::string distribution_notation() {
  std::vector<std::string> words;
  for (auto const& family : families) words.push_back(written(family));
  return text::join(words, "|");
}

Distribution::Distribution(Family const& family, std::vector<double> const& numbers)
    : family_{&family}, first_{numbers[0]}, second_{numbers.size() > 1 ? numbers[1] : 0} {}

Distribution Distribution::parse(std::string_view option, std::string_view text) {
  auto const notation = read_notation(text);
  auto const found =
      notation ? std::ranges::find(families, notation->name, &Family::name) : families.end();
  if (found == families.end())
    throw UserError{fmt::format("--{} is '{}'{}, expected {}", option, text,
                                text::did_you_mean(text.substr(0, text.find(':')), names()),
                                distribution_notation())};
  auto const& numbers = notation->numbers;
  if (numbers.size() != parameters(*found) || !found->holds(numbers[0], numbers.back()))
    throw UserError{fmt::format("--{} is '{}', expected {} with {}", option, text, written(*found),
                                found->rule)};
  return {*found, numbers};
}

double Distribution::draw(Key key) const {
  Stream stream{key};
  // The far end of a long tail may leave the range of numbers.
  return std::clamp(family_->draw(first_, second_, stream), std::numeric_limits<double>::min(),
                    std::numeric_limits<double>::max());
}

}  // namespace canopy::federate
