#include "messages/dealer.hpp"

#include <algorithm>
#include <utility>

namespace canopy::federate {

Dealer::Dealer(int children, Hand hand, std::function<int(Task const&)> child_of)
    : alive_(static_cast<std::size_t>(children), true),
      hand_{std::move(hand)},
      child_of_{std::move(child_of)} {}

void Dealer::begin(Job job) {
  auto const id = job.id;
  auto& pending = pending_[id];
  pending.merged.job = id;
  pending.merged.combiner = job.combiner;
  auto const tasks = std::exchange(job.tasks, {});
  pending.job = std::move(job);
  deal(pending, tasks);
}

/// Longest first, each to the child that has least to do, other jobs included (Graham 1969).
void Dealer::deal(Pending& pending, std::vector<Task> const& tasks) {
  std::map<int, std::vector<Task>> parts;
  if (child_of_) {
    for (auto const& task : tasks) parts[child_of_(task)].push_back(task);
  } else {
    auto by_cost = tasks;
    std::ranges::stable_sort(by_cost, std::ranges::greater{}, &Task::cost);
    auto costs = costs_under_way();
    for (auto const& task : by_cost) {
      auto const child = cheapest(costs);
      if (std::cmp_less(child, costs.size())) costs[static_cast<std::size_t>(child)] += task.cost;
      parts[child].push_back(task);
    }
  }
  for (auto& [child, part] : parts) {
    hand_(child, part_of(pending.job, part));
    pending.parts[child].push_back(std::move(part));
  }
}

std::vector<double> Dealer::costs_under_way() const {
  std::vector<double> costs(alive_.size());
  for (auto const& [id, pending] : pending_)
    for (auto const& [child, parts] : pending.parts)
      for (auto const& part : parts)
        for (auto const& task : part)
          if (std::cmp_less(child, costs.size()))
            costs[static_cast<std::size_t>(child)] += task.cost;
  return costs;
}

/// The number behind the last child stands for the owner, when no child is left.
int Dealer::cheapest(std::vector<double> const& costs) const {
  if (living() == 0) return static_cast<int>(alive_.size());
  int best = -1;
  for (std::size_t child = 0; child < costs.size(); ++child)
    if (alive_[child] && (best < 0 || costs[child] < costs[static_cast<std::size_t>(best)]))
      best = static_cast<int>(child);
  return best;
}

Job Dealer::part_of(Job const& job, std::vector<Task> const& tasks) {
  Job part;
  part.id = job.id;
  part.combiner = job.combiner;
  part.lr = job.lr;
  part.model = job.model;
  part.shared = job.shared;
  part.tasks = tasks;
  for (auto const& state : job.states)
    if (std::ranges::find(tasks, state.client, &Task::client) != tasks.end())
      part.states.push_back(state);
  return part;
}

std::optional<Outcome> Dealer::add(int child, Outcome part) {
  auto const found = pending_.find(part.job);
  auto const is_lost =
      std::cmp_less(child, alive_.size()) && !alive_[static_cast<std::size_t>(child)];
  if (found == pending_.end() || is_lost) return {};
  auto& pending = found->second;
  auto const open = pending.parts.find(child);
  if (open == pending.parts.end()) return {};
  open->second.pop_front();  // there are two when it took over what another child had
  if (open->second.empty()) pending.parts.erase(open);
  pending.merged.add(std::move(part));
  if (!pending.parts.empty()) return {};
  auto merged = std::move(pending.merged);
  pending_.erase(found);
  return merged;
}

bool Dealer::awaits(int child) const {
  return std::ranges::any_of(
      pending_, [child](auto const& entry) { return entry.second.parts.contains(child); });
}

int Dealer::living() const {
  return static_cast<int>(std::ranges::count(alive_, true));
}

void Dealer::lose(int child) {
  alive_[static_cast<std::size_t>(child)] = false;
  for (auto& [id, pending] : pending_) {
    auto const found = pending.parts.find(child);
    if (found == pending.parts.end()) continue;
    std::vector<Task> tasks;
    for (auto const& part : found->second) tasks.insert(tasks.end(), part.begin(), part.end());
    pending.parts.erase(found);
    deal(pending, tasks);
  }
}

}  // namespace canopy::federate
