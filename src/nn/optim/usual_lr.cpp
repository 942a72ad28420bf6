#include "canopy/nn/usual_lr.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::nn {
namespace {

using Rate = std::pair<char const*, double>;
constexpr std::array<Rate, 5> rates{
    {{"sgd", 0.05}, {"adam", 0.001}, {"adamw", 0.001}, {"lars", 3.0}, {"lamb", 0.005}}};

}  // namespace

double usual_lr(std::string_view optimizer) {
  auto const found = std::ranges::find(rates, optimizer, &Rate::first);
  if (found == rates.end())
    throw UserError{"no optimizer is called '" + std::string{optimizer} + "'"};
  return found->second;
}

std::string usual_lr_text() {
  std::vector<std::string> words;
  for (auto const& [optimizer, rate] : rates)
    words.push_back(text::shortest(rate) + " for " + optimizer);
  return text::join(words, ", ");
}

}  // namespace canopy::nn
