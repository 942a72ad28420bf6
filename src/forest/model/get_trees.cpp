#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "canopy/forest/tree_arrays.hpp"

#include "model/damage.hpp"

namespace canopy::forest {
namespace {

/// An array that is read from its beginning to its end, a stretch at a time. Whatever type holds
/// it, it is read as T.
template <class T>
class Column {
 public:
  Column(NamedArrays const& arrays, std::string const& name)
      : name_{name}, array_{arrays.at(name)} {
    visit([](auto const&) {});
  }
  /// Nothing when the array was left out.
  static std::optional<Column> if_there(NamedArrays const& arrays, std::string const& name) {
    if (!arrays.has(name)) return {};
    return Column{arrays, name};
  }

  std::size_t size() const { return array_.size(); }
  void check_size(std::size_t size) const {
    if (array_.size() != size) damaged("'" + name_ + "' has another length");
  }
  std::size_t sum() const {
    std::size_t total = 0;
    visit([&](auto const& all) {
      for (auto const value : all) total += static_cast<std::size_t>(value);
    });
    return total;
  }
  std::size_t zeros() const {
    std::size_t count = 0;
    visit([&](auto const& all) {
      for (auto const value : all) count += value == 0;
    });
    return count;
  }

  /// The next `count` values; good until the next call.
  std::span<T const> next(std::size_t count) {
    stretch_.resize(count);
    visit([&](auto const& all) {
      std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(at_), count, stretch_.begin());
    });
    at_ += count;
    return stretch_;
  }

 private:
  template <class Use>
  void visit(Use use) const {
    std::visit(
        [&]<class Stored>(std::vector<Stored> const& all) {
          if constexpr (std::is_unsigned_v<Stored> ||
                        (std::is_floating_point_v<Stored> && std::is_floating_point_v<T>))
            use(all);
          else
            damaged("'" + name_ + "' is not of the expected type");
        },
        array_.data);
  }

  std::string name_;
  Array const& array_;
  std::size_t at_ = 0;
  std::vector<T> stretch_;
};

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
        feature_{arrays, "feature"},
        code_threshold_{arrays, "code_threshold"},
        right_{arrays, "right"},
        samples_{arrays, "samples"},
        present_{arrays, "present"},
        present_class_{arrays, "present_class"},
        left_{Column<std::uint32_t>::if_there(arrays, "left")},
        threshold_{arrays, "threshold"},
        impurity_{arrays, "impurity"},
        present_count_{arrays, "present_count"},
        leaf_impurity_{Column<double>::if_there(arrays, "leaf_impurity")},
        weight_{Column<double>::if_there(arrays, "weight")} {
    check_sizes();
  }

  Tree next(std::size_t number, std::size_t size) {
    name_ = number;
    Tree tree;
    tree.classes = static_cast<int>(classes_);
    tree.nodes.resize(size);
    values_.assign(size * classes_, 0.0);
    auto const feature = feature_.next(size);
    auto const of_leaves = static_cast<std::size_t>(std::ranges::count(feature, 0u));
    read_nodes(tree, feature, of_leaves);
    read_counts(tree, counts_of_leaves_ ? of_leaves : size);
    for (std::size_t i = size; i-- > 0;) complete(tree, i);
    read_weights(tree);
    tree.keep_values(values_);
    return tree;
  }

 private:
  void check_sizes() {
    auto const all = feature_.size();
    auto const of_leaves = feature_.zeros();
    auto const of_splits = all - of_leaves;
    threshold_.check_size(of_splits);
    code_threshold_.check_size(of_splits);
    impurity_.check_size(of_splits);
    right_.check_size(of_splits);
    if (left_) left_->check_size(of_splits);
    if (leaf_impurity_) leaf_impurity_->check_size(of_leaves);
    if (weight_) weight_->check_size(all);
    counts_of_leaves_ = samples_.size() == of_leaves;
    samples_.check_size(counts_of_leaves_ ? of_leaves : all);
    present_.check_size(samples_.size());
    auto const entries = present_.sum();
    present_class_.check_size(entries);
    present_count_.check_size(entries);
  }

  void read_nodes(Tree& tree, std::span<std::uint32_t const> feature, std::size_t of_leaves) {
    auto const of_splits = tree.size() - of_leaves;
    auto const threshold = threshold_.next(of_splits);
    auto const code_threshold = code_threshold_.next(of_splits);
    auto const impurity = impurity_.next(of_splits);
    auto const right = right_.next(of_splits);
    auto const left = left_ ? left_->next(of_splits) : std::span<std::uint32_t const>{};
    auto const leaf_impurity =
        leaf_impurity_ ? leaf_impurity_->next(of_leaves) : std::span<double const>{};
    has_parent_.assign(tree.size(), 0);
    for (std::size_t i = 0, split = 0, leaf = 0; i < tree.size(); ++i) {
      auto& node = tree.nodes[i];
      if (i > 0 && has_parent_[i] == 0) damaged_node(i, "has no parent");
      if (feature[i] == 0) {
        if (leaf_impurity_) node.impurity = leaf_impurity[leaf++];
      } else {
        node.feature = static_cast<std::int32_t>(feature[i]) - 1;
        node.threshold = threshold[split];
        node.code_threshold = code_threshold[split];
        node.impurity = impurity[split];
        node.left = link(tree, i, left_ ? left[split] : i + 1);
        node.right = link(tree, i, right[split]);
        ++split;
      }
      if (feature[i] > features_ || !std::isfinite(node.threshold) || std::isinf(node.impurity))
        damaged_node(i, "holds a number out of range");
    }
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

  void read_counts(Tree& tree, std::size_t counted) {
    auto const samples = samples_.next(counted);
    auto const present = present_.next(counted);
    auto const entries = std::accumulate(present.begin(), present.end(), std::size_t{0});
    auto const classes = present_class_.next(entries);
    auto const counts = present_count_.next(entries);
    std::size_t place = 0, entry = 0;
    for (std::size_t i = 0; i < tree.size(); ++i) {
      if (counts_of_leaves_ && !tree.nodes[i].is_leaf()) continue;
      tree.nodes[i].samples = samples[place];
      auto* const value = values_.data() + i * classes_;
      std::size_t least = 0;
      for (auto const end = entry + present[place++]; entry < end; ++entry) {
        auto const k = classes[entry];
        if (k < least || k >= classes_ || !(counts[entry] > 0) || !std::isfinite(counts[entry]))
          damaged_node(i, "has a wrong count of a class");
        value[k] = counts[entry];
        least = k + std::size_t{1};
      }
    }
  }

  /// From the last node to the first: children are complete before their parent.
  void complete(Tree& tree, std::size_t i) {
    auto& node = tree.nodes[i];
    auto* const value = values_.data() + i * classes_;
    if (counts_of_leaves_ && !node.is_leaf()) {
      auto const left = static_cast<std::size_t>(node.left);
      auto const right = static_cast<std::size_t>(node.right);
      node.samples = tree.nodes[left].samples + tree.nodes[right].samples;
      auto const* const l = values_.data() + left * classes_;
      auto const* const r = values_.data() + right * classes_;
      for (std::size_t k = 0; k < classes_; ++k) value[k] = l[k] + r[k];
    }
    if (!weight_) node.weight = std::accumulate(value, value + classes_, 0.0);
  }

  void read_weights(Tree& tree) {
    if (weight_) {
      auto const weight = weight_->next(tree.size());
      for (std::size_t i = 0; i < tree.size(); ++i) tree.nodes[i].weight = weight[i];
    }
    for (std::size_t i = 0; i < tree.size(); ++i) {
      auto const& node = tree.nodes[i];
      if ((node.weight > 0) != (node.samples > 0) || !std::isfinite(node.weight))
        damaged_node(i, "holds a number out of range");
    }
  }

  [[noreturn]] void damaged_node(std::size_t i, std::string const& what) const {
    damaged("tree " + std::to_string(name_) + ", node " + std::to_string(i) + " " + what);
  }

  std::uint32_t features_;
  std::size_t classes_;
  Column<std::uint32_t> feature_, code_threshold_, right_, samples_, present_, present_class_;
  std::optional<Column<std::uint32_t>> left_;
  Column<double> threshold_, impurity_, present_count_;
  std::optional<Column<double>> leaf_impurity_, weight_;
  bool counts_of_leaves_ = true;
  std::size_t name_ = 0;                  ///< number of the tree that is being made
  std::vector<std::uint8_t> has_parent_;  ///< by node of this tree
  std::vector<double> values_;            ///< of all its nodes, x classes
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
