#include "canopy/nn/model.hpp"

#include <algorithm>

#include "canopy/core/error.hpp"
#include "canopy/nn/network.hpp"
#include "canopy/nn/pass.hpp"

namespace canopy::nn {
namespace {

[[noreturn]] void damaged(std::string const& reason) {
  throw DataError{"this network is damaged: " + reason + "; train it again"};
}

void check_format(NamedArrays const& arrays) {
  auto const found = arrays.text_attribute("format");
  if (found != network_format)
    throw DataError{"this network has the format '" + found + "', expected '" +
                    std::string{network_format} +
                    "'; train it again (the same settings and seed give the same network), or use "
                    "the version of canopy that wrote it"};
}

Architecture architecture_of(NamedArrays const& arrays, int classes) try {
  Shape const input{static_cast<int>(arrays.int_attribute("channels")),
                    static_cast<int>(arrays.int_attribute("height")),
                    static_cast<int>(arrays.int_attribute("width"))};
  if (std::min({input.channels, input.height, input.width}) < 1) damaged("it takes no input");
  auto result = architecture_from_toml(arrays.text_attribute("layers"), "layers", input, classes);
  result.name = arrays.text_attribute("name");
  return result;
} catch (DataError const&) {
  throw;
} catch (UserError const& e) {
  damaged(e.what());
}

std::vector<float> arena_of(NamedArrays const& arrays, Network const& network) {
  std::vector<float> arena(network.arena_size());
  for (auto const& tensor : network.tensors()) {
    auto const& values = arrays.get<float>(tensor.name);
    if (values.size() != tensor.range.size())
      damaged("tensor " + tensor.name + " has " + std::to_string(values.size()) +
              " numbers, expected " + std::to_string(tensor.range.size()));
    std::ranges::copy(values, arena.begin() + static_cast<std::ptrdiff_t>(tensor.range.begin));
  }
  return arena;
}

}  // namespace

NamedArrays Model::to_arrays() const {
  NamedArrays arrays;
  arrays.set_attribute("format", std::string{network_format});
  arrays.set_attribute("name", architecture.name);
  arrays.set_attribute("layers", to_toml(architecture));
  arrays.set_attribute("channels", std::int64_t{architecture.input.channels});
  arrays.set_attribute("height", std::int64_t{architecture.input.height});
  arrays.set_attribute("width", std::int64_t{architecture.input.width});
  arrays.set_attribute("sha256", sha256());
  Network const network{architecture};
  for (auto const& tensor : network.tensors()) {
    auto const begin = arena.begin() + static_cast<std::ptrdiff_t>(tensor.range.begin);
    arrays.put(tensor.name,
               std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(tensor.range.size())),
               tensor.shape);
  }
  arrays.put("mean", standardisation.mean);
  arrays.put("inverse_deviation", standardisation.inverse_deviation);
  arrays.put("class_names", class_names);
  arrays.put("feature_names", feature_names);
  return arrays;
}

Model Model::from_arrays(NamedArrays const& arrays) {
  check_format(arrays);
  Model model;
  model.class_names = arrays.get<std::string>("class_names");
  model.feature_names = arrays.get<std::string>("feature_names");
  if (model.class_names.empty() || model.class_names.size() > 65536)
    damaged("it has no classes, or more than 65,536");
  model.architecture = architecture_of(arrays, static_cast<int>(model.class_names.size()));
  if (model.feature_names.size() != static_cast<std::size_t>(model.architecture.input.size()))
    damaged("it has " + std::to_string(model.feature_names.size()) + " feature names, expected " +
            std::to_string(model.architecture.input.size()));
  model.arena = arena_of(arrays, Network{model.architecture});
  model.standardisation = {arrays.get<double>("mean"), arrays.get<double>("inverse_deviation")};
  Gather const check{model.architecture.input, model.standardisation};
  if (arrays.text_attribute("sha256") != model.sha256())
    damaged("its numbers do not have the hash that was written with them");
  return model;
}

std::string Model::sha256() const {
  return nn::sha256(arena);
}

template <class Element>
std::vector<float> predict_proba(Model const& model, RowsView<Element> const& table,
                                 std::span<std::uint32_t const> rows) {
  constexpr std::size_t rows_at_once = 64;
  Network const network{model.architecture};
  Gather const gather{model.architecture.input, model.standardisation};
  Pass pass{network, static_cast<int>(rows_at_once)};
  auto const classes = static_cast<std::size_t>(network.classes());
  std::vector<float> result(rows.size() * classes);
  for (std::size_t begin = 0; begin < rows.size(); begin += rows_at_once) {
    auto const part = rows.subspan(begin, std::min(rows_at_once, rows.size() - begin));
    gather(table, part, pass.input());
    pass.forward(model.arena, MicroBatch::scoring(static_cast<int>(part.size())));
    pass.probabilities(std::span{result}.subspan(begin * classes, part.size() * classes));
  }
  return result;
}

template std::vector<float> predict_proba<float>(Model const&, RowsView<float> const&,
                                                 std::span<std::uint32_t const>);
template std::vector<float> predict_proba<std::uint8_t>(Model const&, RowsView<std::uint8_t> const&,
                                                        std::span<std::uint32_t const>);

}  // namespace canopy::nn
