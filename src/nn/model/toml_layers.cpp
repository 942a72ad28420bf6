#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/core/toml.hpp"
#include "canopy/nn/architecture.hpp"
#include "canopy/nn/layer_kinds.hpp"

namespace canopy::nn {
namespace {

constexpr std::string_view classes_word = "classes";

/// Reads a list of layers and follows the shapes through it.
class Reader {
 public:
  Reader(TomlNode where, int classes) : where_{where}, classes_{classes} {}

  std::vector<LayerSpec> layers(toml::array const& list, Shape& shape) const {
    std::vector<LayerSpec> result;
    for (auto const& node : list) try {
        auto const number = std::to_string(result.size() + 1);
        auto spec = one(node, shape);
        auto const next = output(spec, shape, number);
        result.push_back(std::move(spec));
        shape = next;
      } catch (Misfit const& e) {
        throw where_.error(node, e.what());
      }
    return result;
  }

 private:
  /// What is wrong with one layer; layers() adds where it stands.
  struct Misfit : std::runtime_error {
    using std::runtime_error::runtime_error;
  };

  LayerSpec one(toml::node const& node, Shape shape) const {
    if (auto const* word = node.as_string()) return made(word->get(), {}, {});
    auto const* table = node.as_table();
    if (!table || table->empty()) throw Misfit{"expected a layer: \"relu\", or {dense = 64}"};
    auto kind = kind_of(*table);
    if (layer_kind(kind).has_body()) {
      auto const* inner = table->get(kind)->as_array();
      if (!inner || table->size() != 1)
        throw Misfit{"expected a list of layers: {" + kind + " = [...]}"};
      return made(kind, {}, layers(*inner, shape));
    }
    return made(kind, numbers(kind, *table), {});
  }

  static std::string kind_of(toml::table const& table) {
    std::string kind;
    toml::source_position at{};
    for (auto const& [key, value] : table)
      if (kind.empty() || key.source().begin < at) {
        kind = key.str();
        at = key.source().begin;
      }
    try {
      layer_kind(kind);
    } catch (UserError const& e) {
      throw Misfit{e.what()};
    }
    return kind;
  }

  std::vector<std::pair<std::string, double>> numbers(std::string const& kind,
                                                      toml::table const& table) const {
    auto const& known = layer_kind(kind).numbers;
    if (known.empty()) throw Misfit{kind + " takes no number; write \"" + kind + "\""};
    std::vector<std::pair<std::string, double>> result;
    for (auto const& [key, value] : table) {
      auto const name = key.str() == kind ? known.front().name : std::string{key.str()};
      if (value.value<std::string>() == std::string{classes_word}) {
        result.emplace_back(name, classes_);
      } else if (auto const number = value.value<double>(); number && !value.is_boolean()) {
        result.emplace_back(name, *number);
      } else {
        throw Misfit{kind + ": " + name + " is not a number"};
      }
    }
    return result;
  }

  static LayerSpec made(std::string const& kind,
                        std::vector<std::pair<std::string, double>> const& numbers,
                        std::vector<LayerSpec> body) {
    try {
      return layer(kind, numbers, std::move(body));
    } catch (UserError const& e) {
      throw Misfit{e.what()};
    }
  }

  static Shape output(LayerSpec const& spec, Shape shape, std::string const& number) {
    try {
      return output_shape(spec, shape);
    } catch (UserError const& e) {
      throw Misfit{"layer " + number + " (" + describe(spec) + ") cannot take " + shape.text() +
                   ": " + e.what()};
    }
  }

  TomlNode where_;
  int classes_;
};

toml::table parsed(std::string const& toml, std::string const& file) {
  try {
    return toml::parse(toml, file);
  } catch (toml::parse_error const& e) {
    auto const at = e.source().begin;
    throw UserError{file + ": line " + std::to_string(at.line) + ", column " +
                    std::to_string(at.column) + ": " + std::string{e.description()}};
  }
}

std::string print(LayerSpec const& spec);

std::string print_list(std::vector<LayerSpec> const& layers, std::string const& separator) {
  std::vector<std::string> words;
  for (auto const& spec : layers) words.push_back(print(spec));
  return text::join(words, separator);
}

std::string print(LayerSpec const& spec) {
  if (!spec.body.empty()) return "{" + spec.kind + " = [" + print_list(spec.body, ", ") + "]}";
  if (spec.numbers.empty()) return '"' + spec.kind + '"';
  auto result = "{" + spec.kind + " = " + text::shortest(spec.numbers.front().second);
  for (std::size_t i = 1; i < spec.numbers.size(); ++i)
    result += ", " + spec.numbers[i].first + " = " + text::shortest(spec.numbers[i].second);
  return result + "}";
}

}  // namespace

Architecture architecture_from_toml(std::string const& toml, std::string const& file, Shape input,
                                    int classes) {
  auto const table = parsed(toml, file);
  TomlNode const where{table, file};
  auto const* list = table["layers"].as_array();
  if (!list || list->empty())
    throw UserError{file +
                    ": there is no list of layers; expected as in "
                    "layers = [{dense = 64}, \"relu\", {dense = \"classes\"}]"};
  for (auto const& [key, value] : table)
    if (key.str() != "layers")
      throw where.error(value, "unknown setting '" + std::string{key.str()} + "', expected layers");
  auto shape = input;
  Architecture result{file, input, classes, Reader{where, classes}.layers(*list, shape)};
  if (shape.size() != classes)
    throw where.error(list->back(), "layer " + std::to_string(result.layers.size()) + " (" +
                                        describe(result.layers.back()) + ") gives " + shape.text() +
                                        ", expected one number for each of the " +
                                        std::to_string(classes) +
                                        " classes: end with {dense = \"classes\"}");
  return result;
}

std::string to_toml(Architecture const& architecture) {
  return "layers = [\n  " + print_list(architecture.layers, ",\n  ") + "\n]\n";
}

}  // namespace canopy::nn
