#include <cmath>
#include <limits>
#include <type_traits>

#include "canopy/forest/forest.hpp"

namespace canopy::forest {
namespace {

constexpr auto format = "canopy-forest/1";

[[noreturn]] void damaged(std::string const& what) {
  throw DataError{"the forest is damaged: " + what + "; save or train it again"};
}

/// Every field of a node that is stored, with the name of its array.
template <class Visit>
void for_each_field(Visit&& visit) {
  visit("feature", &Node::feature);
  visit("left", &Node::left);
  visit("right", &Node::right);
  visit("threshold", &Node::threshold);
  visit("impurity", &Node::impurity);
  visit("weight", &Node::weight);
  visit("samples", &Node::samples);
  visit("code_threshold", &Node::code_threshold);
}

template <class T>
std::vector<T> column(std::vector<Tree> const& trees, T Node::*field, std::size_t nodes) {
  std::vector<T> values;
  values.reserve(nodes);
  for (auto const& tree : trees)
    for (auto const& node : tree.nodes) values.push_back(node.*field);
  return values;
}

std::vector<std::int64_t> offsets_of(std::vector<Tree> const& trees) {
  std::vector<std::int64_t> offsets{0};
  for (auto const& tree : trees)
    offsets.push_back(offsets.back() + static_cast<std::int64_t>(tree.size()));
  return offsets;
}

std::vector<double> values_of(std::vector<Tree> const& trees) {
  std::vector<double> values;
  for (auto const& tree : trees)
    values.insert(values.end(), tree.values.begin(), tree.values.end());
  return values;
}

ForestParameters parameters_from(NamedArrays const& arrays) {
  ForestParameters parameters;
  Options options;
  parameters.describe(options);
  try {
    for (auto const& row : options.rows()) row.set(arrays.text_attribute(row.name));
    parameters.check();
  } catch (UserError const& e) {
    damaged(e.what());
  }
  return parameters;
}

void check_offsets(std::vector<std::int64_t> const& offsets, std::size_t nodes) {
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != static_cast<std::int64_t>(nodes))
    damaged("tree_offsets do not span the nodes");
  for (std::size_t t = 1; t < offsets.size(); ++t)
    if (offsets[t] <= offsets[t - 1] ||
        offsets[t] - offsets[t - 1] > std::numeric_limits<std::int32_t>::max())
      damaged("tree " + std::to_string(t - 1) + " has no nodes or too many");
}

/// Children come after their parent and have no other one: so every way down ends, and each node
/// but the root is reached once. Fills in the depths.
void check_links(Tree& tree, int features, std::string const& name) {
  auto const size = static_cast<std::int32_t>(tree.size());
  std::vector<bool> has_parent(tree.size());
  for (std::int32_t i = 0; i < size; ++i) {
    auto const node = tree.nodes[static_cast<std::size_t>(i)];
    if (node.feature < -1 || node.feature >= features || !std::isfinite(node.threshold) ||
        !std::isfinite(node.impurity) || !(node.weight > 0) || !std::isfinite(node.weight))
      damaged(name + ", node " + std::to_string(i) + " holds a number out of range");
    if (i > 0 && !has_parent[static_cast<std::size_t>(i)])
      damaged(name + ", node " + std::to_string(i) + " has no parent");
    for (auto const child : {node.left, node.right}) {
      if (node.is_leaf() && child == -1) continue;
      if (node.is_leaf() || child <= i || child >= size ||
          has_parent[static_cast<std::size_t>(child)])
        damaged(name + ", node " + std::to_string(i) + " has a wrong child");
      has_parent[static_cast<std::size_t>(child)] = true;
      tree.nodes[static_cast<std::size_t>(child)].depth = node.depth + 1;
    }
  }
}

void check_values(std::vector<double> const& values) {
  for (auto const value : values)
    if (!(value >= 0) || !std::isfinite(value)) damaged("a class count is negative or not finite");
}

}  // namespace

NamedArrays Forest::to_arrays() const {
  NamedArrays arrays;
  arrays.set_attribute("format", std::string{format});
  auto parameters = parameters_;
  Options options;
  parameters.describe(options);
  for (auto const& row : options.rows()) arrays.set_attribute(row.name, row.get());
  arrays.put("class_names", class_names_);
  arrays.put("feature_names", feature_names_);
  arrays.put("tree_offsets", offsets_of(trees_));
  auto const count = nodes();
  for_each_field(
      [&](char const* name, auto field) { arrays.put(name, column(trees_, field, count)); });
  arrays.put("values", values_of(trees_), {static_cast<std::int64_t>(count), classes()});
  return arrays;
}

Forest Forest::from_arrays(NamedArrays const& arrays) {
  if (arrays.text_attribute("format") != format)
    damaged("its format is '" + arrays.text_attribute("format") + "', expected '" + format + "'");
  auto const parameters = parameters_from(arrays);
  auto const& class_names = arrays.get<std::string>("class_names");
  auto const& feature_names = arrays.get<std::string>("feature_names");
  auto const& offsets = arrays.get<std::int64_t>("tree_offsets");
  auto const& values = arrays.get<double>("values");
  auto const classes = class_names.size();
  auto const nodes = arrays.at("feature").size();
  if (classes == 0 || classes > 65536) damaged("it has no classes, or more than 65,536");
  check_offsets(offsets, nodes);
  if (values.size() != nodes * classes) damaged("'values' is not nodes x classes");
  check_values(values);

  std::vector<Tree> trees(offsets.size() - 1);
  for (std::size_t t = 0; t < trees.size(); ++t) {
    auto const size = static_cast<std::size_t>(offsets[t + 1] - offsets[t]);
    auto const first = values.begin() + offsets[t] * static_cast<std::int64_t>(classes);
    trees[t].classes = static_cast<int>(classes);
    trees[t].nodes.resize(size);
    trees[t].values.assign(first, first + static_cast<std::ptrdiff_t>(size * classes));
  }
  for_each_field([&](char const* name, auto field) {
    using Value = std::remove_cvref_t<decltype(std::declval<Node>().*field)>;
    auto const& column = arrays.get<Value>(name);
    if (column.size() != nodes) damaged(std::string{"'"} + name + "' has another length");
    auto value = column.begin();
    for (auto& tree : trees)
      for (auto& node : tree.nodes) node.*field = *value++;
  });
  for (std::size_t t = 0; t < trees.size(); ++t)
    check_links(trees[t], static_cast<int>(feature_names.size()), "tree " + std::to_string(t));
  return Forest{parameters, std::move(trees), class_names, feature_names};
}

}  // namespace canopy::forest
