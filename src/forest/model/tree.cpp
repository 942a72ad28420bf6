#include "canopy/forest/tree.hpp"

#include <algorithm>

namespace canopy::forest {
namespace {

/// Whether the counts of every split node are its children's, added up.
bool are_sums(std::span<Node const> nodes, std::span<double const> all, std::size_t classes) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].is_leaf()) continue;
    auto const* const value = all.data() + i * classes;
    auto const* const left = all.data() + static_cast<std::size_t>(nodes[i].left) * classes;
    auto const* const right = all.data() + static_cast<std::size_t>(nodes[i].right) * classes;
    for (std::size_t k = 0; k < classes; ++k)
      if (value[k] != left[k] + right[k]) return false;
  }
  return true;
}

/// The counts of node `i`, those of its children being there.
void set_value(Tree const& tree, bool keeps_all, std::size_t i, double* all, std::size_t stride) {
  auto const& node = tree.nodes[i];
  auto* const own = all + i * stride;
  if (keeps_all || (node.is_leaf() && !tree.has_one_class(node))) {
    auto const end = std::ranges::copy(keeps_all ? tree.row(i) : tree.value(node), own).out;
    std::fill(end, own + stride, 0.0);
  } else if (node.is_leaf()) {
    std::fill_n(own, stride, 0.0);
    own[node.code_threshold] = node.weight;
  } else {
    auto const* const left = all + static_cast<std::size_t>(node.left) * stride;
    auto const* const right = all + static_cast<std::size_t>(node.right) * stride;
    for (std::size_t k = 0; k < stride; ++k) own[k] = left[k] + right[k];
  }
}

}  // namespace

std::vector<double> Tree::all_values() const {
  std::vector<double> all;
  all_values(all, static_cast<std::size_t>(classes));
  return all;
}

void Tree::all_values(std::vector<double>& all, std::size_t stride) const {
  all.resize(size() * stride);
  auto const keeps_all = has_all_values();
  for (std::size_t i = size(); i-- > 0;)  // children before their parent
    set_value(*this, keeps_all, i, all.data(), stride);
}

void Tree::values_below(std::span<std::uint32_t const> tops, std::vector<double>& all,
                        std::size_t stride) const {
  all.resize(size() * stride);
  if (tops.empty()) return;
  std::vector<std::uint8_t> is_wanted(size());
  for (auto const top : tops) is_wanted[top] = 1;
  std::size_t const first = std::ranges::min(tops);
  for (auto i = first; i < size(); ++i) {
    if (is_wanted[i] == 0 || nodes[i].is_leaf()) continue;
    is_wanted[static_cast<std::size_t>(nodes[i].left)] = 1;
    is_wanted[static_cast<std::size_t>(nodes[i].right)] = 1;
  }
  auto const keeps_all = has_all_values();
  for (auto i = size(); i-- > first;)
    if (is_wanted[i] != 0) set_value(*this, keeps_all, i, all.data(), stride);
}

void Tree::keep_values(std::span<double const> all) {
  auto const count = static_cast<std::size_t>(classes);
  auto const keeps_all = !are_sums(nodes, all, count);
  values.clear();
  for (std::size_t i = 0; i < size(); ++i) {
    auto& node = nodes[i];
    if (!node.is_leaf() && !keeps_all) continue;
    auto const own = all.subspan(i * count, count);
    auto const present = std::ranges::find_if(own, [](double weight) { return weight != 0; });
    auto const has_one = std::ranges::count(own, 0.0) + 1 == std::ssize(own) &&
                         (keeps_all || *present == node.weight);
    if (node.is_leaf())
      node.code_threshold =
          static_cast<std::uint32_t>(has_one ? static_cast<std::size_t>(present - own.begin())
                                             : count + values.size() / count);
    if (keeps_all || !has_one) values.insert(values.end(), own.begin(), own.end());
  }
}

int Tree::depth() const {
  std::int32_t deepest = 0;
  for (auto const& node : nodes) deepest = std::max(deepest, node.depth);
  return deepest;
}

std::size_t Tree::leaves() const {
  return static_cast<std::size_t>(std::ranges::count_if(nodes, &Node::is_leaf));
}

}  // namespace canopy::forest
