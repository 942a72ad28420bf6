// How the coordinator of a farm finds out who is lost, and how a farm ends.
#include <algorithm>
#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "canopy/comm/farm.hpp"

namespace canopy::comm {
namespace {

/// So many workers may be lost while they run a task before it is taken for the cause.
constexpr std::size_t most_losses = 3;

}  // namespace

void Farm::beat_as_coordinator() {
  auto const now = clock_.seconds();
  if (now < next_beat_) return;
  next_beat_ = now + times_.beat;
  tell_all(Order::live);
}

void Farm::look_for_lost() {
  auto const now = clock_.seconds();
  if (now < next_look_) return;
  next_look_ = now + times_.beat / 25;
  take_signs();
  for (int rank = 1; rank < mailbox_.comm().size(); ++rank) {
    auto const& post = post_of({rank});
    if (post.lost || post.gone) continue;
    auto why = vigil_.why_lost({rank});
    if (!why) continue;
    take_last_reports();
    take_signs();  // it may have left as it should
    if (!post.gone) lose({rank}, std::move(*why));
  }
}

/// What a worker reported before it was lost tells which task it was lost with.
void Farm::take_last_reports() {
  while (auto message = mailbox_.take<Report>())
    if (auto report = settle(std::move(*message))) settled_.push_back(std::move(*report));
}

void Farm::take_signs() {
  while (auto const sign = mailbox_.take<Sign>()) {
    vigil_.heard(sign->from);
    post_of(sign->from).gone |= sign->payload;
  }
}

void Farm::lose(Rank rank, std::string reason) {
  mailbox_.post<Tell>(rank, {Order::give_up, 0});  // should it live
  auto& post = post_of(rank);
  post.lost = true;
  post.use.total_seconds = seconds();
  Loss loss{rank, seconds(), std::move(reason), {}};
  auto const tasks = std::exchange(post.tasks, {});
  if (!tasks.empty() && tasks_.contains(tasks.front()))
    tasks_.at(tasks.front()).lost.push_back(rank);
  for (auto const task : tasks)
    if (tasks_.contains(task)) {
      std::erase(tasks_.at(task).holders, rank);
      if (!ending_) find_another(task, loss);
    }
  losses_.push_back(std::move(loss));
}

void Farm::find_another(TaskId id, Loss& loss) {
  auto const& task = tasks_.at(id);
  if (!task.holders.empty()) return;
  if (!task.wanted)
    settle_here(id, TaskReport::Outcome::cancelled, "");
  else if (task.lost.size() >= most_losses)
    settle_here(id, TaskReport::Outcome::failed,
                fmt::format("{} workers were lost while they ran it: it may need more memory than "
                            "there is",
                            task.lost.size()));
  else if (workers() > 0) {
    hand(id, worker_for({}));
    loss.retried.push_back(id);
  }
}

/// In place of a worker that has gone.
void Farm::settle_here(TaskId id, TaskReport::Outcome outcome, std::string error) {
  auto const node = tasks_.extract(id);
  TaskReport report;
  report.task = id;
  report.outcome = outcome;
  if (!node.mapped().lost.empty()) report.rank = node.mapped().lost.back();
  report.queued = node.mapped().queued;
  report.started = report.finished = seconds();
  report.error = std::move(error);
  settled_.push_back(std::move(report));
}

// ---- the end

/// Goes on taking messages until all have said goodbye: unread ones would hold their sender back.
std::vector<RankUse> Farm::shut_down() {
  if (!std::exchange(ending_, true)) tell_all(Order::shut_down);
  for (Patience patience; !all(&Post::said_goodbye); patience.rest()) {
    while (mailbox_.take<Report>()) continue;
    while (auto const goodbye = mailbox_.take<Goodbye>()) {
      auto& post = post_of(goodbye->from);
      post.use = goodbye->payload;
      post.said_goodbye = true;
      patience.reset();
    }
    beat_as_coordinator();
    look_for_lost();
    mailbox_.all_sent();
  }
  post_of(Communicator::root).use = use();
  std::vector<RankUse> uses;
  for (auto const& post : posts_) uses.push_back(post.use);
  return uses;
}

/// Of those who are not lost.
bool Farm::all(bool Post::*what) const {
  return std::ranges::all_of(posts_ | std::views::drop(1),
                             [what](Post const& post) { return post.lost || post.*what; });
}

void Farm::dismiss() {
  if (farewell_) return;
  shut_down();
  next_look_ = 0;
  look_for_lost();
  farewell_ = !losses_.empty();
  tell_all(Order::farewell, *farewell_ ? 1 : 0);
  constexpr double enough = 1;  // after a loss: what goes to the lost never leaves
  Stopwatch const clock;
  for (Patience patience; !(all(&Post::gone) && mailbox_.all_sent()); patience.rest()) {
    if (*farewell_ && clock.seconds() > enough) break;
    while (mailbox_.take<Report>()) continue;
    take_signs();
    look_for_lost();
  }
}

}  // namespace canopy::comm
