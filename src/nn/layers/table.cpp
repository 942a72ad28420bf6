#include <algorithm>
#include <cmath>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/nn/layer_kinds.hpp"

#include "layers/step.hpp"

namespace canopy::nn {
namespace {

constexpr double many = 1 << 20;

LayerNumber window() {
  return {"kernel", {}, 1, 15};
}

void check(LayerKind const& kind, LayerNumber const& number, double value) {
  auto const inside = value >= number.least &&
                      (number.whole ? value <= number.most : value < number.most) &&
                      (!number.whole || value == std::floor(value));
  if (inside) return;
  throw UserError{
      kind.name + ": " + number.name + " is " + text::shortest(value) + ", expected " +
      (number.whole ? "a whole number, at least " : "at least ") + text::shortest(number.least) +
      (number.whole ? " and at most " : " and less than ") + text::shortest(number.most)};
}

std::string names_of(LayerKind const& kind) {
  std::vector<std::string> names;
  for (auto const& number : kind.numbers) names.push_back(number.name);
  return names.empty() ? "it takes none" : "known are: " + text::join(names, ", ");
}

}  // namespace

std::vector<LayerKind> const& layer_kinds() {
  static std::vector<LayerKind> const kinds{
      {"dense", "weighted sums of all inputs", {{"units", {}, 1, many}}, make_dense},
      {"conv2d",
       "convolution of an image",
       {{"channels", {}, 1, many},
        {"kernel", 3, 1, 15},
        {"stride", 1, 1, 15},
        {"padding", 0, 0, 14}},
       make_conv2d},
      {"max_pool",
       "largest of a window; stride 0 is that of the kernel",
       {window(), {"stride", 0, 0, 15}},
       make_max_pool},
      {"avg_pool",
       "mean of a window; stride 0 is that of the kernel",
       {window(), {"stride", 0, 0, 15}},
       make_avg_pool},
      {"relu", "x where positive, else 0", {}, make_relu},
      {"tanh", "hyperbolic tangent", {}, make_tanh},
      {"gelu", "x times the normal distribution function of x", {}, make_gelu},
      {"dropout",
       "sets a share of numbers to 0 while training",
       {{"rate", 0.5, 0, 1, false}},
       make_dropout},
      {"batch_norm", "normalises each channel over the micro-batch", {}, make_batch_norm},
      {"residual", "adds what its layers make of x to x", {}, make_residual},
  };
  return kinds;
}

LayerKind const& layer_kind(std::string_view name) {
  auto const found = std::ranges::find(layer_kinds(), name, &LayerKind::name);
  if (found != layer_kinds().end()) return *found;
  std::vector<std::string> names;
  for (auto const& kind : layer_kinds()) names.push_back(kind.name);
  throw UserError{"no layer is called '" + std::string{name} + "'" +
                  text::did_you_mean(name, names) + "; known are: " + text::join(names, ", ")};
}

LayerSpec layer(std::string_view name, std::vector<std::pair<std::string, double>> const& numbers,
                std::vector<LayerSpec> body) {
  auto const& kind = layer_kind(name);
  for (auto const& [given, value] : numbers)
    if (std::ranges::find(kind.numbers, given, &LayerNumber::name) == kind.numbers.end())
      throw UserError{kind.name + " has no number '" + given + "'; " + names_of(kind)};
  LayerSpec spec{kind.name, {}, std::move(body)};
  for (auto const& number : kind.numbers) {
    auto const given =
        std::ranges::find(numbers, number.name, &std::pair<std::string, double>::first);
    if (given == numbers.end() && !number.initial)
      throw UserError{kind.name + " needs a number, " + number.name};
    auto const value = given == numbers.end() ? *number.initial : given->second;
    check(kind, number, value);
    spec.numbers.emplace_back(number.name, value);
  }
  return spec;
}

Shape output_shape(LayerSpec const& spec, Shape input) {
  return layer_kind(spec.kind).make(spec, input)->out();
}

std::string describe(LayerSpec const& spec) {
  auto result = spec.kind;
  auto const& kind = layer_kind(spec.kind);
  for (std::size_t i = 0; i < spec.numbers.size(); ++i) {
    auto const& [name, value] = spec.numbers[i];
    if (i == 0)
      result += " " + text::shortest(value);
    else if (value != kind.numbers[i].initial)
      result += ", " + name + " " + text::shortest(value);
  }
  std::vector<std::string> inner;
  for (auto const& part : spec.body) inner.push_back(describe(part));
  return inner.empty() ? result : result + " (" + text::join(inner, " + ") + ")";
}

}  // namespace canopy::nn
