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

/// Longest first, each to the child that has least to do: at most 4/3 of the best (Graham 1969).
void Dealer::deal(Pending& pending, std::vector<Task> const& tasks) {
  std::map<int, std::vector<Task>> parts;
  if (child_of_) {
    for (auto const& task : tasks) parts[child_of_(task)].push_back(task);
  } else {
    auto by_cost = tasks;
    std::ranges::stable_sort(by_cost, std::ranges::greater{}, &Task::cost);
    std::vector<double> costs(alive_.size());
    for (auto const& task : by_cost) {
      auto const child = cheapest(costs);
      if (std::cmp_less(child, costs.size())) costs[static_cast<std::size_t>(child)] += task.cost;
      parts[child].push_back(task);
    }
  }
  for (auto& [child, part] : parts) {
    hand_(child, part_of(pending.job, part));
    auto& mine = pending.parts[child];
    mine.insert(mine.end(), part.begin(), part.end());
  }
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
  auto& open = pending.parts[child];
  // A child may have two parts of a job, when it took over what another one had.
  for (auto const& report : part.reports)
    std::erase_if(open, [&](Task const& task) {
      return task.kind == report.kind && task.client == report.client;
    });
  pending.merged.add(std::move(part));
  if (open.empty()) pending.parts.erase(child);
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
    auto const tasks = std::move(found->second);
    pending.parts.erase(found);
    deal(pending, tasks);
  }
}

}  // namespace canopy::federate
