// How an office finds out who is lost, and how it ends.
#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "canopy/comm/environment.hpp"

#include "messages/office.hpp"

namespace canopy::federate {

// ---- lost ranks

/// Tells those who wait for this rank that it lives.
void Office::beat() {
  auto const now = clock_.seconds();
  if (now < next_beat_) return;
  next_beat_ = now + 0.5;
  auto const me = comm_.rank().value;
  for (std::size_t j = 0; j < groups_.size(); ++j) {
    auto const combiner = roles_.combiners[j];
    auto const& mine = roles_.client_ranks[j];
    if (combiner != me && std::ranges::find(mine, me) != mine.end())
      groups_[j].mailbox->post<Alive>(groups_[j].place(combiner), 0);
    if (combiner == me && roles_.reducer != me)
      top_.mailbox->post<Alive>(top_.place(roles_.reducer), static_cast<int>(j));
  }
  if (team_) team_->beat();
  if (me == roles_.reducer)
    for (int rank = 0; rank < comm_.size(); ++rank)
      if (rank != me && std::ranges::find(lost_, rank) == lost_.end())
        world_.post<Alive>({rank}, 0);
}

/// Silence counts only while this rank listens.
void Office::look_for_lost() {
  auto const now = clock_.seconds();
  if (now - last_pump_ > 1) {
    auto const away = now - last_pump_;
    for (auto& combiner : combiners_)
      if (combiner)
        for (auto& heard : combiner->heard) heard += away;
    for (auto& heard : heard_combiners_) heard += away;
    heard_reducer_ += away;
  }
  for (auto& combiner : combiners_) {
    if (!combiner) continue;
    for (std::size_t child = 0; child < combiner->heard.size(); ++child)
      if (combiner->clients.awaits(static_cast<int>(child)) &&
          rank_of_child(combiner->number, static_cast<int>(child)) != comm_.rank().value &&
          now - combiner->heard[child] > lost_after)
        lose(*combiner, static_cast<int>(child),
             rank_of_child(combiner->number, static_cast<int>(child)));
  }
  if (comm_.rank().value == roles_.reducer)
    look_for_lost_combiners();
  else
    leave_if_reducer_is_lost();
}

void Office::lose(Combiner& combiner, int child, int rank) {
  newly_found_.push_back(rank);
  combiner.clients.lose(child);
}

/// Its leader tells the combiner, who deals its work to others, as if it had fallen silent.
void Office::end_team(TeamBroken const& why) {
  workshop_.forget_work();
  team_->disband(why);
  if (!team_->leads() || !why.lost) return;
  auto const me = comm_.rank().value;
  for (std::size_t j = 0; j < groups_.size(); ++j)
    if (std::ranges::find(roles_.client_ranks[j], me) != roles_.client_ranks[j].end())
      groups_[j].mailbox->post<Broken>(groups_[j].place(roles_.combiners[j]), *why.lost);
}

void Office::look_for_lost_combiners() {
  for (std::size_t j = 0; j < roles_.combiners.size(); ++j) {
    auto const rank = roles_.combiners[j];
    if (rank == comm_.rank().value || !reducer_.awaits(static_cast<int>(j)) ||
        clock_.seconds() - heard_combiners_[j] <= lost_after)
      continue;
    lost_.push_back(rank);
    throw LostCombiner{
        fmt::format("combiner {} on rank {} was not heard of for {} s", j + 1, rank, lost_after)};
  }
}

void Office::leave_if_reducer_is_lost() const {
  if (left_ || clock_.seconds() - heard_reducer_ <= reducer_lost_after) return;
  fmt::print(stderr, "canopy: rank {} has not heard of the reducer for {} s and leaves\n",
             comm_.rank().value, reducer_lost_after);
  comm::Environment::leave(1);
}

std::vector<int> Office::newly_lost() {
  std::vector<int> result(lost_.begin() + static_cast<std::ptrdiff_t>(told_lost_), lost_.end());
  told_lost_ = lost_.size();
  return result;
}

// ---- the end

void Office::serve() {
  try {
    while (!left_) pump();
    say_goodbye();
  } catch (std::exception const& e) {  // nobody must wait for this rank
    fmt::print(stderr, "canopy: rank {} on {} failed: {}\n", comm_.rank().value, comm::host_name(),
               e.what());
    comm::Environment::abort(1);
  }
}

/// Everybody goes on taking messages until all have said goodbye, so that none is left waiting to
/// get rid of one - but for those to a rank that is lost.
void Office::say_goodbye() {
  for (Stopwatch const clock; !all_sent() && clock.seconds() < 5;) forget_messages();
  world_.post<Goodbye>({roles_.reducer}, use());
  Stopwatch const clock;
  while (true) {
    forget_messages();
    if (auto const farewell = world_.take<Farewell>()) {
      if (farewell->payload != 0) comm::Environment::leave(0);
      return;
    }
    if (clock.seconds() > 2 * reducer_lost_after) comm::Environment::leave(1);
  }
}

void Office::forget_messages() {
  bool some = false;
  auto const forget = [&](comm::Mailbox* mailbox) {
    if (mailbox == nullptr) return;
    some = mailbox->take<JobChannel>() || some;
    some = mailbox->take<OutcomeChannel>() || some;
    some = mailbox->take<Alive>() || some;
    some = mailbox->take<Broken>() || some;
  };
  forget(&world_);
  forget(top_.mailbox.get());
  for (auto const& group : groups_) forget(group.mailbox.get());
  if (team_) some = team_->forget_messages() || some;
  if (some)
    patience_.reset();
  else
    patience_.rest();
}

bool Office::all_sent() {
  bool all = world_.all_sent();
  if (top_.mailbox) all = top_.mailbox->all_sent() && all;
  for (auto const& group : groups_)
    if (group.mailbox) all = group.mailbox->all_sent() && all;
  if (team_) all = team_->all_sent() && all;
  return all;
}

std::vector<comm::RankUse> Office::shut_down() {
  if (left_) return uses_;
  left_ = true;
  auto const me = comm_.rank().value;
  std::vector<int> silent;
  for (int rank = 0; rank < comm_.size(); ++rank)
    if (rank != me && std::ranges::find(lost_, rank) == lost_.end()) silent.push_back(rank);
  auto const there = silent;
  for (auto const rank : there) world_.post<Leave>({rank}, 0);
  uses_.resize(static_cast<std::size_t>(comm_.size()));
  uses_[static_cast<std::size_t>(me)] = use();
  for (Stopwatch const clock; !silent.empty() && clock.seconds() < reducer_lost_after;) {
    forget_messages();
    while (auto goodbye = world_.take<Goodbye>()) {
      uses_[static_cast<std::size_t>(goodbye->from.value)] = goodbye->payload;
      std::erase(silent, goodbye->from.value);
    }
  }
  lost_.insert(lost_.end(), silent.begin(), silent.end());
  for (auto const rank : there) world_.post<Farewell>({rank}, has_lost_ranks() ? 1 : 0);
  for (Stopwatch const clock; !world_.all_sent() && clock.seconds() < 1;) patience_.rest();
  return uses_;
}

}  // namespace canopy::federate
