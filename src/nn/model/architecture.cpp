#include "canopy/nn/architecture.hpp"

#include <algorithm>
#include <cmath>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/nn/layer_kinds.hpp"

namespace canopy::nn {
namespace {

using Layers = std::vector<LayerSpec>;

LayerSpec dense(int units) {
  return layer("dense", {{"units", units}});
}
LayerSpec conv(int channels, int kernel) {
  return layer("conv2d", {{"channels", channels}, {"kernel", kernel}});
}
LayerSpec relu() {
  return layer("relu");
}
LayerSpec max_pool() {
  return layer("max_pool", {{"kernel", 2}});
}
LayerSpec dropout(double rate) {
  return layer("dropout", {{"rate", rate}});
}

Layers mlp(std::vector<int> const& hidden, int classes) {
  Layers layers;
  for (auto const units : hidden) layers.insert(layers.end(), {dense(units), relu()});
  layers.push_back(dense(classes));
  return layers;
}

Layers lenet(int classes) {
  return {conv(6, 5), relu(), max_pool(), conv(16, 5), relu(),        max_pool(),
          dense(120), relu(), dense(84),  relu(),      dense(classes)};
}

Layers cnn(int classes) {
  return {conv(32, 3),   relu(),     conv(64, 3), relu(),       max_pool(),
          dropout(0.25), dense(128), relu(),      dropout(0.5), dense(classes)};
}

struct Named {
  NamedModel model;
  Layers (*layers)(int classes);
};

std::vector<Named> const& table() {
  static std::vector<Named> const models{
      {{"softmax", "multinomial logistic regression"}, [](int n) { return mlp({}, n); }},
      {{"mlp", "hidden layers of 64 and 32; mlp:200-200 for other widths"},
       [](int n) {
         return mlp({64, 32}, n);
       }},
      {{"lenet", "LeNet-5: two convolutions and three dense layers"}, lenet},
      {{"cnn", "convolutions of 32 and 64 channels and a dense layer of 128"}, cnn},
  };
  return models;
}

constexpr std::string_view mlp_prefix = "mlp:";

/// "200-200" as numbers. UserError unless it is that.
std::vector<int> hidden_widths(std::string_view name) {
  std::vector<int> widths;
  for (auto const& word : text::split(name.substr(mlp_prefix.size()), '-')) {
    auto const width = text::to_int(word);
    if (!width || *width < 1 || *width > 1 << 20)
      throw UserError{"model '" + std::string{name} + "': a hidden width is '" + word +
                      "', expected numbers from 1 to 1,048,576 joined by -, as in mlp:200-200"};
    widths.push_back(static_cast<int>(*width));
  }
  return widths;
}

Layers layers_of(std::string_view name, int classes) {
  if (name.starts_with(mlp_prefix)) return mlp(hidden_widths(name), classes);
  for (auto const& entry : table())
    if (entry.model.name == name) return entry.layers(classes);
  std::vector<std::string> names;
  for (auto const& entry : table()) names.push_back(entry.model.name);
  throw UserError{"no network is called '" + std::string{name} + "'" +
                  text::did_you_mean(name, names) + "; known are: " + text::join(names, ", ") +
                  " and mlp:WIDTH-WIDTH..."};
}

}  // namespace

std::string Shape::text() const {
  return std::to_string(channels) + "x" + std::to_string(height) + "x" + std::to_string(width);
}

Shape image_shape(int columns) {
  for (int channels : {1, 3}) {
    auto const side = static_cast<int>(std::lround(std::sqrt(columns / channels)));
    if (columns > 0 && channels * side * side == columns) return {channels, side, side};
  }
  throw DataError{std::to_string(columns) +
                  " columns are no image: expected a square (as 784 = 28x28), or three of them; "
                  "tables can take mlp"};
}

double LayerSpec::number(std::string_view name) const {
  auto const found = std::ranges::find(numbers, name, &std::pair<std::string, double>::first);
  if (found == numbers.end())
    throw std::logic_error{"layer '" + kind + "' has no number '" + std::string{name} + "'"};
  return found->second;
}

Architecture architecture(std::string_view model_name, Shape input, int classes) {
  Architecture result{std::string{model_name}, input, classes, layers_of(model_name, classes)};
  auto shape = input;
  for (auto const& spec : result.layers) try {
      shape = output_shape(spec, shape);
    } catch (UserError const& e) {
      throw UserError{
          "model '" + result.name + "' cannot take samples of " + input.text() + ": its layer " +
          describe(spec) + " gets " + shape.text() + ", " + e.what() +
          (input.height * input.width == 1 ? "; it is for images, tables can take mlp" : "")};
    }
  return result;
}

std::vector<NamedModel> const& named_models() {
  static auto const models = [] {
    std::vector<NamedModel> list;
    for (auto const& entry : table()) list.push_back(entry.model);
    return list;
  }();
  return models;
}

bool is_network(std::string_view name) {
  return name.starts_with(mlp_prefix) ||
         std::ranges::any_of(table(), [&](auto const& entry) { return entry.model.name == name; });
}

}  // namespace canopy::nn
