#include "messages/rank_team.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace canopy::federate {

TeamBroken::TeamBroken(std::optional<int> rank)
    : std::runtime_error{rank ? fmt::format("rank {} of a client's ranks is lost", *rank)
                              : "the federation is over"},
      lost{rank} {}

RankTeam::RankTeam(std::vector<int> ranks, comm::Communicator comm, double lost_after,
                   std::function<bool()> goes_on)
    : ranks_{std::move(ranks)},
      mailbox_{std::move(comm)},
      lost_after_{lost_after},
      goes_on_{std::move(goes_on)},
      heard_(ranks_.size()),
      parts_(ranks_.size()) {}

template <class C>
void RankTeam::post_to_others(typename C::Payload const& payload) {
  for (int member = 0; member < size(); ++member)
    if (member != me()) mailbox_.post<C>({member}, payload);
}

// ---- jobs

void RankTeam::pass_on(Job job) {
  std::erase_if(job.tasks, [](Task const& task) { return task.kind != Task::Kind::train; });
  if (!job.tasks.empty()) post_to_others<JobChannel>(job);
}

std::optional<Job> RankTeam::next_job() {
  auto job = mailbox_.take<JobChannel>();
  if (!job || !whole_) return {};
  return std::move(job->payload);
}

// ---- gradients

/// A batch of few rows leaves the last ranks without a shard.
comm::Leaves RankTeam::block(int shards) const {
  if (me() >= shards) return {shards, shards};
  return comm::leaves_of(shards, std::min(shards, size()), me());
}

void RankTeam::add_up(int shards, std::vector<float>& sums, std::vector<nn::Loss>& losses) {
  if (!leads()) {
    if (block(shards).count() == 0) sums.clear();
    mailbox_.post<PartChannel>({0}, {std::move(losses), std::move(sums)});
    auto total = await(0);
    losses = std::move(total.losses);
    sums = std::move(total.sums);
    return;
  }
  auto const with_shards = std::min(shards, size());
  auto const places = comm::subtrees_of_all(shards, with_shards);
  auto const own = comm::subtrees_of(block(shards)).size();
  auto const length = sums.size() / own;
  std::vector<Part> parts;
  for (int member = 1; member < size(); ++member) parts.push_back(await(member));
  std::vector<std::span<float>> pieces;
  auto const cut = [&](std::vector<float>& from, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      pieces.push_back(std::span{from}.subspan(i * length, length));
  };
  cut(sums, own);
  for (int member = 1; member < with_shards; ++member) {
    auto& part = parts[static_cast<std::size_t>(member - 1)];
    cut(part.sums, part.sums.size() / length);
    losses.insert(losses.end(), part.losses.begin(), part.losses.end());
  }
  for (auto const [into, from] : comm::merges_to_total(places))
    nn::add(pieces[into], std::span<float const>{pieces[from]});
  sums.resize(length);
  post_to_others<PartChannel>({losses, sums});
}

/// Silence counts only while one waits.
RankTeam::Part RankTeam::await(int member) {
  auto const who = static_cast<std::size_t>(member);
  auto const begin = heard_[who] = clock_.seconds();
  for (comm::Patience patience{std::chrono::microseconds{100}}; !parts_[who]; patience.rest()) {
    if (auto const end = mailbox_.take<End>()) throw TeamBroken{end->payload};
    if (clock_.seconds() - heard_[who] > lost_after_) throw TeamBroken{ranks_[who]};
    if (!goes_on_()) throw TeamBroken{{}};
  }
  waited_seconds_ += clock_.seconds() - begin;
  return *std::exchange(parts_[who], {});
}

// ---- who lives

void RankTeam::beat() {
  if (!whole_) return;
  if (leads())
    post_to_others<Alive>(0);
  else
    mailbox_.post<Alive>({0}, 0);
}

void RankTeam::hear() {
  while (auto const alive = mailbox_.take<Alive>())
    heard_[static_cast<std::size_t>(alive->from.value)] = clock_.seconds();
  while (auto part = mailbox_.take<PartChannel>())
    parts_[static_cast<std::size_t>(part->from.value)] = std::move(part->payload);
}

void RankTeam::disband(TeamBroken const& why) {
  if (!std::exchange(whole_, false) || !why.lost) return;
  if (leads())
    post_to_others<End>(*why.lost);
  else
    mailbox_.post<End>({0}, *why.lost);
}

bool RankTeam::forget_messages() {
  bool some = false;
  while (mailbox_.take<JobChannel>() || mailbox_.take<PartChannel>() || mailbox_.take<Alive>() ||
         mailbox_.take<End>())
    some = true;
  return some;
}

}  // namespace canopy::federate
