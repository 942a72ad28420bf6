#include "canopy/tune/block.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>

#include "canopy/comm/patience.hpp"

namespace canopy::tune {
namespace {

using comm::Communicator;
using comm::Rank;

int block_size(Communicator const& world, int ranks) {
  return std::clamp(ranks, 1, std::max(1, world.size() - 1));
}

/// The root's is 0.
int block_number(Communicator const& world, int size) {
  return world.is_root() ? 0 : 1 + (world.rank().value - 1) / size;
}

std::optional<Communicator> with_leaders(Communicator const& world, bool leads) {
  auto group = world.split(leads ? 0 : 1);
  return leads ? std::optional{std::move(group)} : std::nullopt;
}

std::vector<Rank> peers_of(Communicator const& ranks) {
  return ranks.is_root() ? std::vector<Rank>{} : std::vector{Communicator::root};
}

std::span<Task const> tasks_of(Task const& task) {
  return task.kind == Task::Kind::several ? std::span<Task const>{task.parts}
                                          : std::span<Task const>{&task, 1};
}

}  // namespace

Block::Block(Communicator const& world, int ranks)
    : size_{block_size(world, ranks)},
      ranks_{world.split(block_number(world, size_))},
      farm_{with_leaders(world, ranks_.is_root())},
      world_rank_{world.rank().value},
      mailbox_{ranks_.duplicate()},
      pulse_{ranks_, 9, peers_of(ranks_)},
      vigil_{ranks_, std::numeric_limits<double>::infinity()},
      team_{&team_of(1)} {}

int Block::team_size(Task const& task) const {
  auto const asked = tasks_of(task).front().ranks;
  return asked == 0 ? ranks_.size() : std::min(asked, ranks_.size());
}

/// Collective over the block, when one of that size is first needed. Ranks that make no whole team
/// are one of their own.
Communicator const& Block::team_of(int size) {
  auto found = teams_.find(size);
  if (found == teams_.end())
    found =
        teams_
            .emplace(size, ranks_.split(std::min(ranks_.rank().value / size, ranks_.size() / size)))
            .first;
  return found->second;
}

template <class C>
void Block::post_to_others(typename C::Payload const& payload) {
  for (int rank = 1; rank < ranks_.size(); ++rank) mailbox_.post<C>({rank}, payload);
}

/// This rank's part; only the first one of a team has outcomes to tell.
Block::Part Block::perform(Order const& order, StopToken const& stop, Work const& work) {
  auto const tasks = tasks_of(order.task);
  auto const size = team_size(order.task);
  auto const teams = static_cast<std::size_t>(ranks_.size() / size);
  auto const mine = static_cast<std::size_t>(ranks_.rank().value / size);
  team_ = &team_of(size);
  Part part{order.number, {}};
  if (mine >= teams) return part;
  for (auto place = mine; place < tasks.size(); place += teams) {
    Outcome outcome;
    outcome.rank = world_rank_;
    try {
      outcome.result = work(tasks[place], stop);
    } catch (Stopped const&) {
      outcome.stopped = true;
    } catch (comm::LostPeer const&) {
      throw;
    } catch (std::exception const& e) {
      outcome.error = e.what();
    }
    if (team_->is_root()) part.outcomes.emplace_back(place, std::move(outcome));
  }
  return part;
}

Bytes Block::lead(Task const& task, StopToken const& stop, Work const& work) {
  Order const order{++number_, task};
  post_to_others<OrderChannel>(order);
  StopToken const stop_all = [&] {
    if (called_off_ < number_ && stop && stop()) {
      called_off_ = number_;
      post_to_others<CallOff>(number_);
    }
    return called_off_ == number_;
  };
  std::vector<std::optional<Outcome>> outcomes(tasks_of(task).size());
  for (auto& [place, outcome] : perform(order, stop_all, work).outcomes)
    outcomes[place] = std::move(outcome);
  await_others(order, outcomes, stop_all);
  std::vector<Outcome> all;
  for (auto& outcome : outcomes) {
    if (outcome->stopped) throw Stopped{};
    all.push_back(std::move(*outcome));
  }
  if (task.kind == Task::Kind::several) return to_bytes(all);
  if (!all.front().error.empty()) throw std::runtime_error{all.front().error};
  return std::move(all.front().result);
}

void Block::await_others(Order const& order, std::vector<std::optional<Outcome>>& outcomes,
                         StopToken const& stop) {
  auto const size = team_size(order.task);
  pulse_.start();
  for (comm::Patience patience;; patience.rest()) {
    while (auto message = mailbox_.take<PartDone>())
      for (auto& [place, outcome] : message->payload.outcomes) outcomes[place] = std::move(outcome);
    mailbox_.all_sent();
    auto const missing =
        std::ranges::find_if(outcomes, [](auto const& outcome) { return !outcome; });
    if (missing == outcomes.end()) return;
    auto const team = static_cast<int>(missing - outcomes.begin()) % (ranks_.size() / size);
    pulse_.check({team * size}, "folds of another team");
    stop();
  }
}

void Block::dismiss() {
  post_to_others<OrderChannel>({});
  for (comm::Patience patience; !mailbox_.all_sent(); patience.rest()) continue;
}

void Block::follow(Work const& work) {
  for (comm::Patience patience;; patience.rest()) {
    mailbox_.all_sent();
    auto const message = mailbox_.take<OrderChannel>();
    if (auto const why = vigil_.why_lost(Communicator::root); why && !message)
      throw comm::LostPeer{Communicator::root, "the next task, but " + *why, 0};
    if (!message) continue;
    auto const& order = message->payload;
    if (order.number < 0) break;
    StopToken const stop = [&] {
      pulse_.beat();
      while (auto const off = mailbox_.take<CallOff>())
        called_off_ = std::max(called_off_, off->payload);
      return called_off_ >= order.number;
    };
    auto const part = perform(order, stop, work);
    if (!part.outcomes.empty()) mailbox_.post<PartDone>(Communicator::root, part);
    patience.reset();
  }
  for (comm::Patience patience; !mailbox_.all_sent(); patience.rest()) continue;
}

}  // namespace canopy::tune
