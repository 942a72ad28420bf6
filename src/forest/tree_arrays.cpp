#include "canopy/forest/tree_arrays.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "damage.hpp"

namespace canopy::forest {
namespace {

using Whole = std::vector<std::uint32_t>;
using Real = std::vector<double>;

// ---- the narrowest type

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

// ---- what follows from what

double sum(std::span<double const> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

bool is_sum_of_children(Tree const& tree, std::size_t i) {
  auto const& node = tree.nodes[i];
  auto const left = static_cast<std::size_t>(node.left);
  auto const right = static_cast<std::size_t>(node.right);
  if (node.samples != tree.nodes[left].samples + tree.nodes[right].samples) return false;
  auto const value = tree.value(i), l = tree.value(left), r = tree.value(right);
  for (std::size_t k = 0; k < value.size(); ++k)
    if (value[k] != l[k] + r[k]) return false;
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

// ---- to arrays

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
  for (auto const& tree : trees)
    for (std::size_t i = 0; i < tree.size(); ++i) {
      if (!is_in(tree.nodes[i])) continue;
      auto const value = tree.value(i);
      auto const before = classes.size();
      for (std::size_t k = 0; k < value.size(); ++k) {
        if (value[k] == 0) continue;
        classes.push_back(static_cast<std::uint32_t>(k));
        counts.push_back(value[k]);
      }
      present.push_back(static_cast<std::uint32_t>(classes.size() - before));
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
  auto const is_leaf_or_sum = [](Tree const& tree, std::size_t i) {
    return tree.nodes[i].is_leaf() || is_sum_of_children(tree, i);
  };
  if (for_all(trees, is_leaf_or_sum))
    put_counts(arrays, trees, of_leaves, leaves);
  else
    put_counts(arrays, trees, all, every);
  auto const weight_is_sum = [](Tree const& tree, std::size_t i) {
    return tree.nodes[i].weight == sum(tree.value(i));
  };
  if (!for_all(trees, weight_is_sum))
    arrays.put("weight", column(trees, all, every, field(&Node::weight)));
}

namespace {

// ---- from arrays

/// Every type of array that `T` holds, as T; nothing when there is no array of that name.
template <class T>
std::optional<std::vector<T>> find(NamedArrays const& arrays, std::string const& name) {
  if (!arrays.has(name)) return {};
  return std::visit(
      [&]<class Stored>(std::vector<Stored> const& values) -> std::vector<T> {
        if constexpr (std::is_unsigned_v<Stored> ||
                      (std::is_floating_point_v<Stored> && std::is_floating_point_v<T>))
          return {values.begin(), values.end()};
        damaged("'" + name + "' is not of the expected type");
      },
      arrays.at(name).data);
}

template <class T>
std::vector<T> get(NamedArrays const& arrays, std::string const& name, std::size_t size) {
  auto values = find<T>(arrays, name);
  if (!values) damaged("there is no array '" + name + "'");
  if (values->size() != size) damaged("'" + name + "' has another length");
  return std::move(*values);
}

template <class T>
std::vector<T> get_if_there(NamedArrays const& arrays, std::string const& name, std::size_t size) {
  return arrays.has(name) ? get<T>(arrays, name, size) : std::vector<T>{};
}

std::vector<std::int64_t> checked_offsets(NamedArrays const& arrays) {
  auto const& offsets = arrays.get<std::int64_t>("tree_offsets");
  if (offsets.empty() || offsets.front() != 0 ||
      offsets.back() != static_cast<std::int64_t>(arrays.at("feature").size()))
    damaged("tree_offsets do not span the nodes");
  for (std::size_t t = 1; t < offsets.size(); ++t)
    if (offsets[t] <= offsets[t - 1] ||
        offsets[t] - offsets[t - 1] > std::numeric_limits<std::int32_t>::max())
      damaged("tree " + std::to_string(t - 1) + " has no nodes or too many");
  return offsets;
}

/// Makes one tree after the other.
class Reader {
 public:
  Reader(NamedArrays const& arrays, int features, int classes)
      : features_{static_cast<std::uint32_t>(features)},
        classes_{static_cast<std::size_t>(classes)},
        feature_{*find<std::uint32_t>(arrays, "feature")} {
    auto const all = feature_.size();
    auto const of_leaves = static_cast<std::size_t>(std::ranges::count(feature_, 0u));
    auto const of_splits = all - of_leaves;
    threshold_ = get<double>(arrays, "threshold", of_splits);
    code_threshold_ = get<std::uint32_t>(arrays, "code_threshold", of_splits);
    impurity_ = get<double>(arrays, "impurity", of_splits);
    right_ = get<std::uint32_t>(arrays, "right", of_splits);
    left_ = get_if_there<std::uint32_t>(arrays, "left", of_splits);
    leaf_impurity_ = get_if_there<double>(arrays, "leaf_impurity", of_leaves);
    weight_ = get_if_there<double>(arrays, "weight", all);
    counts_of_leaves_ = arrays.at("samples").size() == of_leaves;
    auto const counted = counts_of_leaves_ ? of_leaves : all;
    samples_ = get<std::uint32_t>(arrays, "samples", counted);
    present_ = get<std::uint32_t>(arrays, "present", counted);
    auto const entries = std::accumulate(present_.begin(), present_.end(), std::size_t{0});
    class_ = get<std::uint32_t>(arrays, "present_class", entries);
    count_ = get<double>(arrays, "present_count", entries);
  }

  Tree next(std::size_t number, std::size_t size) {
    name_ = number;
    Tree tree;
    tree.classes = static_cast<int>(classes_);
    tree.nodes.resize(size);
    tree.values.resize(size * classes_);
    has_parent_.assign(size, 0);
    for (std::size_t i = 0; i < size; ++i) {
      if (i > 0 && has_parent_[i] == 0) damaged_node(i, "has no parent");
      read_node(tree, i);
      if (tree.nodes[i].is_leaf() || !counts_of_leaves_) read_counts(tree, i);
    }
    for (std::size_t i = size; i-- > 0;) complete(tree, i);
    at_ += size;
    return tree;
  }

 private:
  void read_node(Tree& tree, std::size_t i) {
    auto& node = tree.nodes[i];
    auto const feature = feature_[at_ + i];
    node.feature = static_cast<std::int32_t>(feature) - 1;
    if (node.is_leaf()) {
      node.impurity = leaf_impurity_.empty() ? 0 : leaf_impurity_[leaf_];
      ++leaf_;
    } else {
      node.threshold = threshold_[split_];
      node.impurity = impurity_[split_];
      node.code_threshold = code_threshold_[split_];
      node.left = link(tree, i, left_.empty() ? i + 1 : left_[split_]);
      node.right = link(tree, i, right_[split_]);
      ++split_;
    }
    if (feature > features_ || !std::isfinite(node.threshold) || !std::isfinite(node.impurity))
      damaged_node(i, "holds a number out of range");
  }

  /// Children come after their parent and have no other one: so every way down ends, and each node
  /// but the root is reached once.
  std::int32_t link(Tree& tree, std::size_t parent, std::size_t child) {
    if (child <= parent || child >= tree.size() || has_parent_[child] != 0)
      damaged_node(parent, "has a wrong child");
    has_parent_[child] = 1;
    tree.nodes[child].depth = tree.nodes[parent].depth + 1;
    return static_cast<std::int32_t>(child);
  }

  void read_counts(Tree& tree, std::size_t i) {
    tree.nodes[i].samples = samples_[counted_];
    auto* const value = tree.values.data() + i * classes_;
    auto const end = entry_ + present_[counted_++];
    for (std::size_t least = 0; entry_ < end; ++entry_) {
      auto const k = class_[entry_];
      auto const count = count_[entry_];
      if (k < least || k >= classes_ || !(count > 0) || !std::isfinite(count))
        damaged_node(i, "has a wrong count of a class");
      value[k] = count;
      least = k + std::size_t{1};
    }
  }

  /// From the last node to the first: children are complete before their parent.
  void complete(Tree& tree, std::size_t i) {
    auto& node = tree.nodes[i];
    auto* const value = tree.values.data() + i * classes_;
    if (counts_of_leaves_ && !node.is_leaf()) {
      auto const left = static_cast<std::size_t>(node.left);
      auto const right = static_cast<std::size_t>(node.right);
      node.samples = tree.nodes[left].samples + tree.nodes[right].samples;
      auto const* const l = tree.values.data() + left * classes_;
      auto const* const r = tree.values.data() + right * classes_;
      for (std::size_t k = 0; k < classes_; ++k) value[k] = l[k] + r[k];
    }
    node.weight = weight_.empty() ? sum({value, classes_}) : weight_[at_ + i];
    if (!(node.weight > 0) || !std::isfinite(node.weight))
      damaged_node(i, "holds a number out of range");
  }

  [[noreturn]] void damaged_node(std::size_t i, std::string const& what) const {
    damaged("tree " + std::to_string(name_) + ", node " + std::to_string(i) + " " + what);
  }

  std::uint32_t features_;
  std::size_t classes_;
  Whole feature_, code_threshold_, right_, left_, samples_, present_, class_;
  Real threshold_, impurity_, leaf_impurity_, weight_, count_;
  bool counts_of_leaves_ = true;
  std::size_t name_ = 0;                  ///< number of the tree that is being made
  std::size_t at_ = 0;                    ///< its first node
  std::size_t split_ = 0;                 ///< next entry of the arrays about splits,
  std::size_t leaf_ = 0;                  ///< about leaves,
  std::size_t counted_ = 0;               ///< about nodes that are counted,
  std::size_t entry_ = 0;                 ///< and about their classes
  std::vector<std::uint8_t> has_parent_;  ///< by node of this tree
};

}  // namespace

std::vector<Tree> get_trees(NamedArrays const& arrays, int features, int classes) {
  auto const offsets = checked_offsets(arrays);
  Reader reader{arrays, features, classes};
  std::vector<Tree> trees;
  for (std::size_t t = 0; t + 1 < offsets.size(); ++t)
    trees.push_back(reader.next(t, static_cast<std::size_t>(offsets[t + 1] - offsets[t])));
  return trees;
}

}  // namespace canopy::forest
