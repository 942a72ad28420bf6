#include "reduce/routes.hpp"

#include <algorithm>

namespace canopy::comm {
namespace {

constexpr std::int64_t impossible = std::int64_t{1} << 50;
constexpr std::int64_t cost_of_travel = 1000;
constexpr std::int64_t cost_of_load = 100;  ///< per chunk sent or received before

}  // namespace

std::vector<SumNode> sum_nodes(int leaves, int ranks) {
  std::vector<SumNode> nodes;
  for (int rank = 0; rank < ranks; ++rank) {
    auto const sums = subtrees_of(leaves_of(leaves, ranks, rank)).size();
    for (std::size_t sum = 0; sum < sums; ++sum) nodes.push_back({rank, sum});
  }
  std::vector<std::size_t> node_in(nodes.size());  // the node that each buffer holds
  for (std::size_t i = 0; i < nodes.size(); ++i) node_in[i] = i;
  for (auto const [into, from] : merges_to_total(subtrees_of_all(leaves, ranks))) {
    auto const merged = nodes.size();
    nodes[node_in[into]].parent = nodes[node_in[from]].parent = merged;
    nodes.push_back({-1, 0, node_in[into], node_in[from], merged});
    node_in[into] = merged;
  }
  return nodes;
}

Router::Router(int leaves, int ranks)
    : nodes_{sum_nodes(leaves, ranks)},
      ranks_{static_cast<std::size_t>(ranks)},
      sent_(ranks_),
      received_(ranks_),
      costs_(nodes_.size(), std::vector<Cost>(ranks_)) {}

Router::Cost Router::travel(std::size_t from, std::size_t to) const {
  if (from == to) return 0;
  auto const load = sent_[from] + received_[to] - 2 * least_load_;
  return cost_of_travel + cost_of_load * static_cast<Cost>(load / unit_);
}

/// The rank from which a child's sum comes most cheaply.
std::size_t Router::best_source(std::size_t child, std::size_t to) const {
  std::size_t best = 0;
  for (std::size_t from = 1; from < ranks_; ++from)
    if (costs_[child][from] + travel(from, to) < costs_[child][best] + travel(best, to))
      best = from;
  return best;
}

void Router::weigh() {
  least_load_ = std::min(*std::ranges::min_element(sent_), *std::ranges::min_element(received_));
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    for (std::size_t rank = 0; rank < ranks_; ++rank) {
      auto const& node = nodes_[i];
      if (node.is_brought()) {
        costs_[i][rank] = static_cast<std::size_t>(node.rank) == rank ? 0 : impossible;
        continue;
      }
      costs_[i][rank] = 0;
      for (auto const child : {node.left, node.right}) {
        auto const from = best_source(child, rank);
        costs_[i][rank] += costs_[child][from] + travel(from, rank);
      }
    }
}

std::size_t Router::cheapest_owner() const {
  auto const cost = [this](std::size_t owner) {
    auto sum = costs_.back()[owner];
    for (std::size_t to = 0; to < ranks_; ++to) sum += travel(owner, to);
    return sum;
  };
  std::size_t best = 0;
  for (std::size_t owner = 1; owner < ranks_; ++owner)
    if (cost(owner) < cost(best)) best = owner;
  return best;
}

void Router::load(std::size_t from, std::size_t to, std::size_t size) {
  if (from == to) return;
  sent_[from] += size;
  received_[to] += size;
}

std::vector<int> Router::route(std::size_t size, std::optional<int> owner) {
  unit_ = std::max(unit_, size);
  weigh();
  std::vector<int> places(nodes_.size());
  places.back() = owner.value_or(static_cast<int>(cheapest_owner()));
  for (std::size_t i = nodes_.size() - 1; i > 0; --i) {
    auto const child = i - 1;
    auto const to = static_cast<std::size_t>(places[nodes_[child].parent]);
    places[child] = static_cast<int>(best_source(child, to));
  }
  // Loads are counted only now, as costs must not change while sources are chosen.
  for (std::size_t i = 0; i + 1 < nodes_.size(); ++i)
    load(static_cast<std::size_t>(places[i]), static_cast<std::size_t>(places[nodes_[i].parent]),
         size);
  if (!owner)
    for (std::size_t to = 0; to < ranks_; ++to)
      load(static_cast<std::size_t>(places.back()), to, size);
  return places;
}

}  // namespace canopy::comm
