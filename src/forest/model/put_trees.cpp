#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>

#include "canopy/forest/tree_arrays.hpp"

#include "model/damage.hpp"

namespace canopy::forest {
namespace {

using Whole = std::vector<std::uint32_t>;
using Real = std::vector<double>;

template <class Narrow, class Wide>
Array::Data as(std::vector<Wide> const& values) {
  std::vector<Narrow> narrow(values.size());
  std::ranges::transform(values, narrow.begin(), [](Wide v) { return static_cast<Narrow>(v); });
  return narrow;
}

Array::Data narrowest(Whole values) {
  auto const largest = values.empty() ? 0 : std::ranges::max(values);
  if (largest <= std::numeric_limits<std::uint8_t>::max()) return as<std::uint8_t>(values);
  if (largest <= std::numeric_limits<std::uint16_t>::max()) return as<std::uint16_t>(values);
  return values;
}

Array::Data narrowest(Real values) {
  auto const is_float = [](double v) { return static_cast<double>(static_cast<float>(v)) == v; };
  if (std::ranges::all_of(values, is_float)) return as<float>(values);
  return values;
}

/// Counts are whole as long as weights are.
Array::Data narrowest_counts(Real const& counts) {
  auto const is_whole = [](double v) {
    return v <= std::numeric_limits<std::uint32_t>::max() && v == std::floor(v);
  };
  if (!std::ranges::all_of(counts, is_whole)) return narrowest(counts);
  return narrowest(Whole(counts.begin(), counts.end()));
}

/// Whether every node weighs the sum of its counts.
bool weights_are_sums(std::vector<Tree> const& trees) {
  for (auto const& tree : trees) {
    auto const all = tree.all_values();
    auto value = all.begin();
    for (auto const& node : tree.nodes) {
      if (node.weight != std::accumulate(value, value + tree.classes, 0.0)) return false;
      value += tree.classes;
    }
  }
  return true;
}

/// Whether the rows of a split node are its children's.
bool has_rows_of_children(Tree const& tree, std::size_t i) {
  auto const& node = tree.nodes[i];
  return node.samples == tree.nodes[static_cast<std::size_t>(node.left)].samples +
                             tree.nodes[static_cast<std::size_t>(node.right)].samples;
}

/// Whether all nodes' counts and rows follow from those of the leaves.
bool leaves_are_enough(std::vector<Tree> const& trees) {
  for (auto const& tree : trees) {
    if (tree.has_all_values() && tree.size() > 1) return false;
    for (std::size_t i = 0; i < tree.size(); ++i)
      if (!tree.nodes[i].is_leaf() && !has_rows_of_children(tree, i)) return false;
  }
  return true;
}

/// Whether `holds(tree, i)` for all nodes i of all trees that `which` picks.
template <class Holds>
bool for_all(std::vector<Tree> const& trees, Holds holds) {
  for (auto const& tree : trees)
    for (std::size_t i = 0; i < tree.size(); ++i)
      if (!holds(tree, i)) return false;
  return true;
}

/// One array: what `of(tree, i)` says of the nodes i that `is_in(node)`.
template <class IsIn, class Of>
auto column(std::vector<Tree> const& trees, std::size_t size, IsIn is_in, Of of) {
  std::vector<std::invoke_result_t<Of, Tree const&, std::size_t>> values;
  values.reserve(size);
  for (auto const& tree : trees)
    for (std::size_t i = 0; i < tree.size(); ++i)
      if (is_in(tree.nodes[i])) values.push_back(of(tree, i));
  return values;
}

auto const every = [](Node const&) { return true; };
auto const splits = [](Node const& node) { return !node.is_leaf(); };
auto const leaves = [](Node const& node) { return node.is_leaf(); };

template <class T>
auto field(T Node::*member) {
  return [member](Tree const& tree, std::size_t i) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<std::uint32_t>(tree.nodes[i].*member);
    else
      return tree.nodes[i].*member;
  };
}

template <class IsIn>
void put_counts(NamedArrays& arrays, std::vector<Tree> const& trees, std::size_t size, IsIn is_in) {
  Whole present, classes;
  Real counts;
  present.reserve(size);
  for (auto const& tree : trees) {
    auto const all = tree.all_values();
    auto const width = static_cast<std::size_t>(tree.classes);
    for (std::size_t i = 0; i < tree.size(); ++i) {
      if (!is_in(tree.nodes[i])) continue;
      auto const value = std::span{all}.subspan(i * width, width);
      auto const before = classes.size();
      for (std::size_t k = 0; k < value.size(); ++k) {
        if (value[k] == 0) continue;
        classes.push_back(static_cast<std::uint32_t>(k));
        counts.push_back(value[k]);
      }
      present.push_back(static_cast<std::uint32_t>(classes.size() - before));
    }
  }
  arrays.put("samples", narrowest(column(trees, size, is_in, field(&Node::samples))));
  arrays.put("present", narrowest(std::move(present)));
  arrays.put("present_class", narrowest(std::move(classes)));
  arrays.put("present_count", narrowest_counts(counts));
}

std::vector<std::int64_t> offsets_of(std::vector<Tree> const& trees) {
  std::vector<std::int64_t> offsets{0};
  for (auto const& tree : trees)
    offsets.push_back(offsets.back() + static_cast<std::int64_t>(tree.size()));
  return offsets;
}

void put_splits(NamedArrays& arrays, std::vector<Tree> const& trees, std::size_t size) {
  auto const put = [&](std::string const& name, auto member) {
    arrays.put(name, narrowest(column(trees, size, splits, field(member))));
  };
  put("threshold", &Node::threshold);
  put("code_threshold", &Node::code_threshold);
  arrays.put("impurity", column(trees, size, splits, field(&Node::impurity)));
  put("right", &Node::right);
  auto const left_is_next = [](Tree const& tree, std::size_t i) {
    return tree.nodes[i].is_leaf() || tree.nodes[i].left == static_cast<std::int32_t>(i) + 1;
  };
  if (!for_all(trees, left_is_next)) put("left", &Node::left);
}

}  // namespace

void put_trees(NamedArrays& arrays, std::vector<Tree> const& trees) {
  auto const offsets = offsets_of(trees);
  auto const all = static_cast<std::size_t>(offsets.back());
  auto const of_leaves = (all + trees.size()) / 2;  // a split has two children
  arrays.put("tree_offsets", offsets);
  arrays.put("feature", narrowest(column(trees, all, every, [](Tree const& tree, std::size_t i) {
               return static_cast<std::uint32_t>(tree.nodes[i].feature + 1);
             })));
  put_splits(arrays, trees, all - of_leaves);
  auto const is_pure = [](Tree const& tree, std::size_t i) {
    return !tree.nodes[i].is_leaf() || tree.nodes[i].impurity == 0;
  };
  if (!for_all(trees, is_pure))
    arrays.put("leaf_impurity", column(trees, of_leaves, leaves, field(&Node::impurity)));
  if (leaves_are_enough(trees))
    put_counts(arrays, trees, of_leaves, leaves);
  else
    put_counts(arrays, trees, all, every);
  if (!weights_are_sums(trees))
    arrays.put("weight", column(trees, all, every, field(&Node::weight)));
}

}  // namespace canopy::forest
