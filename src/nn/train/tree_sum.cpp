#include "canopy/nn/tree_sum.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

namespace canopy::nn {
namespace {

constexpr int least_rows = 16;
constexpr int most_shards = 16;

TreeNode parent(TreeNode node) {
  return {node.first & ~node.leaves, 2 * node.leaves};
}

}  // namespace

int virtual_shards(int batch) {
  auto const full = static_cast<unsigned>(std::max(1, batch / least_rows));
  return std::min(most_shards, static_cast<int>(std::bit_floor(full)));
}

Range shard_rows(int batch, int shard) {
  auto const shards = virtual_shards(batch);
  auto const begin = [&](int s) {
    return static_cast<std::size_t>(batch / shards * s + std::min(s, batch % shards));
  };
  return {begin(shard), begin(shard + 1)};
}

std::vector<TreeNode> tree_cover(int first, int last) {
  std::vector<TreeNode> nodes;
  while (first < last) {
    auto leaves = static_cast<int>(std::bit_floor(static_cast<unsigned>(last - first)));
    if (first > 0) leaves = std::min(leaves, first & -first);
    nodes.push_back({first, leaves});
    first += leaves;
  }
  return nodes;
}

template <class T>
BasicTreeSum<T>::BasicTreeSum(std::size_t length, int first, int last)
    : length_{length}, first_{first}, last_{last}, nodes_{tree_cover(first, last)} {
  if (first < 0 || last <= first) throw std::logic_error{"nn::TreeSum: no leaves"};
}

template <class T>
void BasicTreeSum<T>::begin() {
  for (auto& slot : slots_) slot = {};
}

/// The slot that holds the sum of `node`, or -1.
template <class T>
int BasicTreeSum<T>::find(TreeNode node) const {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].node == node && !slots_[i].open) return static_cast<int>(i);
  return -1;
}

template <class T>
std::size_t BasicTreeSum<T>::free_slot() {
  auto const free = std::ranges::find(slots_, 0, [](Slot const& slot) { return slot.node.leaves; });
  if (free != slots_.end()) return static_cast<std::size_t>(free - slots_.begin());
  slots_.emplace_back();
  buffers_.emplace_back(length_);
  return slots_.size() - 1;
}

template <class T>
typename BasicTreeSum<T>::Place BasicTreeSum<T>::place(int leaf) {
  if (leaf < first_ || leaf >= last_) throw std::logic_error{"nn::TreeSum: no such leaf"};
  auto const beside = find({leaf ^ 1, 1});
  auto const slot = beside >= 0 ? static_cast<std::size_t>(beside) : free_slot();
  slots_[slot].open = true;
  slots_[slot].adds = beside >= 0;
  slots_[slot].node = {leaf, 1};
  return {buffers_[slot].span(), beside >= 0 ? Put::add : Put::write};
}

template <class T>
std::span<T> BasicTreeSum<T>::push_part(int leaf, Range range) {
  return buffers_[merge(leaf, range, false)].span();
}

template <class T>
void BasicTreeSum<T>::push(int leaf) {
  auto const slot = open_slot(leaf);
  merge(leaf, {slots_[slot].merged ? length_ : 0, length_}, true);
}

template <class T>
std::size_t BasicTreeSum<T>::open_slot(int leaf) const {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].open && slots_[i].node == TreeNode{leaf, 1}) return i;
  throw std::logic_error{"nn::TreeSum: the leaf has no place"};
}

/// Climbs from the leaf as long as the neighbour is complete, and adds the elements of `range`
/// there. Sums end in the buffer of lower number, so that all parts of a leaf take the same way.
template <class T>
std::size_t BasicTreeSum<T>::merge(int leaf, Range range, bool ends) {
  auto slot = open_slot(leaf);
  auto const opened = slot;
  slots_[opened].merged = true;
  auto node = slots_[slot].adds ? parent({leaf, 1}) : TreeNode{leaf, 1};
  for (;;) {
    auto const beside = find({node.first ^ node.leaves, node.leaves});
    if (beside < 0) break;
    auto const other = static_cast<std::size_t>(beside);
    auto const to = std::min(slot, other);
    auto const from = std::max(slot, other);
    add(buffers_[to].span().subspan(range.begin, range.size()),
        std::span<T const>{buffers_[from].span().subspan(range.begin, range.size())});
    if (ends) {
      if (from != opened) slots_[from] = {};
      if (to != opened) slots_[to] = {};
    }
    slot = to;
    node = parent(node);
  }
  if (ends) {
    slots_[opened] = {};
    slots_[slot] = {.node = node};
  }
  return slot;
}

template <class T>
std::span<T> BasicTreeSum<T>::node(std::size_t number) {
  auto const slot = find(nodes_[number]);
  if (slot < 0) throw std::logic_error{"nn::TreeSum: leaves are missing"};
  return buffers_[static_cast<std::size_t>(slot)].span();
}

template class BasicTreeSum<float>;
template class BasicTreeSum<double>;

}  // namespace canopy::nn
