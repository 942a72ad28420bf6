#include "selection/sampling.hpp"

#include <algorithm>
#include <unordered_set>

namespace canopy::federate {

std::vector<int> sample_uniform(int clients, int wanted, Available const& available,
                                Stream& stream) {
  std::vector<int> taken;
  std::unordered_set<int> seen;
  auto const done = [&] { return std::ssize(taken) >= wanted; };
  for (int tries = 4 * wanted + 64; tries > 0 && !done() && clients > 0; --tries) {
    auto const client = static_cast<int>(stream.below(static_cast<std::uint32_t>(clients)));
    if (may_take(available, client) && seen.insert(client).second) taken.push_back(client);
  }
  if (done()) return taken;
  // Few are left to find, so look at each. The draws so far favoured nobody: all who are left are
  // equally likely still.
  std::vector<int> left;
  for (int client = 0; client < clients; ++client)
    if (!seen.contains(client) && may_take(available, client)) left.push_back(client);
  for (std::size_t i = 0; i < left.size() && !done(); ++i) {
    auto const rest = static_cast<std::uint32_t>(left.size() - i);
    std::swap(left[i], left[i + stream.below(rest)]);
    taken.push_back(left[i]);
  }
  return taken;
}

void Lowest::offer(double score, int client) {
  auto const entry = std::pair{score, client};
  if (heap_.size() == wanted_) {
    if (wanted_ == 0 || entry > heap_.front()) return;
    std::ranges::pop_heap(heap_);
    heap_.pop_back();
  }
  heap_.push_back(entry);
  std::ranges::push_heap(heap_);
}

std::vector<int> Lowest::take() {
  std::ranges::sort(heap_);
  std::vector<int> clients;
  for (auto const& [score, client] : heap_) clients.push_back(client);
  heap_.clear();
  return clients;
}

std::vector<int> sample_by_size(Population const& population, int wanted,
                                Available const& available, Key key) {
  Lowest lowest{wanted};
  for (int client = 0; client < population.clients; ++client) {
    auto const rows = population.rows(client);
    if (rows > 0 && may_take(available, client))
      lowest.offer(weighted_score(key, client, static_cast<double>(rows)), client);
  }
  return lowest.take();
}

}  // namespace canopy::federate
