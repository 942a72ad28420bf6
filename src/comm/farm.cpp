#include "canopy/comm/farm.hpp"

#include <algorithm>
#include <limits>
#include <ranges>
#include <utility>

#include <fmt/format.h>

namespace canopy::comm {

Farm::Farm(Communicator const& comm, Work work, FarmTimes times)
    : mailbox_{comm.duplicate()},
      work_{std::move(work)},
      times_{times},
      vigil_{comm, comm.is_root() ? times.lost_after : times.long_silence},
      cpu_at_start_{thread_cpu_seconds()},
      posts_(static_cast<std::size_t>(comm.size())) {
  comm.barrier();
  clock_ = Stopwatch{};
}

Farm::~Farm() {
  if (farewell_ || !mailbox_.comm().is_root()) return;
  try {
    cancel_all();
    dismiss();
  } catch (...) {  // nothing is left to be told to anybody
  }
}

RankUse Farm::use() const {
  auto now = use_;
  now.total_seconds = clock_.seconds();
  now.comm_seconds = thread_cpu_seconds() - cpu_at_start_ - cpu_in_tasks_;
  now.bytes_sent = mailbox_.bytes_sent();
  now.bytes_received = mailbox_.bytes_received();
  now.max_rss = max_resident_bytes();
  return now;
}

// ---- the coordinator

int Farm::workers() const {
  if (alone()) return 1;
  return static_cast<int>(std::ranges::count(posts_ | std::views::drop(1), false, &Post::lost));
}

std::optional<Rank> Farm::freest_worker(std::size_t depth) const {
  std::optional<Rank> freest;
  for (std::size_t rank = 1; rank < posts_.size(); ++rank) {
    auto const& post = posts_[rank];
    if (post.lost || post.tasks.size() >= depth) continue;
    depth = post.tasks.size();
    freest = Rank{static_cast<int>(rank)};
  }
  return freest;
}

/// There must be one.
Rank Farm::worker_for(std::optional<Rank> prefer) const {
  auto const freest = freest_worker(std::numeric_limits<std::size_t>::max()).value();
  if (!prefer || *prefer == Communicator::root) return freest;
  auto const& post = posts_[static_cast<std::size_t>(prefer->value)];
  auto const least = posts_[static_cast<std::size_t>(freest.value)].tasks.size();
  return post.lost || post.tasks.size() > least ? freest : *prefer;
}

bool Farm::wants_task() const {
  constexpr std::size_t running_and_waiting = 2;
  return alone() ? tasks_.empty() : freest_worker(running_and_waiting).has_value();
}

void Farm::assign(TaskId task, Bytes payload, std::optional<Rank> prefer) {
  tasks_[task] = Task{std::move(payload), seconds(), {}, {}, true};
  if (!alone()) hand(task, worker_for(prefer));
}

void Farm::hand(TaskId task, Rank to) {
  auto& known = tasks_.at(task);
  known.holders.push_back(to);
  post_of(to).tasks.push_back(task);
  mailbox_.post<Assign>(to, Assignment{task, wave_, known.payload});
}

void Farm::tell_all(Order::Kind kind, std::int64_t number) {
  for (int rank = 1; rank < mailbox_.comm().size(); ++rank)
    if (!post_of({rank}).lost) mailbox_.post<Tell>({rank}, {kind, number});
}

std::optional<TaskReport> Farm::wait(double seconds, std::function<void()> const& idle) {
  if (alone()) return perform_one(idle);
  Stopwatch const waited;
  Patience receiving;
  for (;;) {
    beat_as_coordinator();
    if (auto report = next_report()) {
      patience_.reset();
      return report;
    }
    if (workers() == 0)
      throw NoWorkersLeft{fmt::format("all {} workers are lost, the last of them rank {}: {}",
                                      losses_.size(), losses_.back().rank.value,
                                      losses_.back().reason)};
    offer_waiting_tasks();
    mailbox_.all_sent();
    if (idle) idle();
    if (waited.seconds() >= seconds) return {};
    (mailbox_.is_receiving() ? receiving : patience_).rest();
  }
}

std::optional<TaskReport> Farm::next_report() {
  // Asking is what brings messages in, so the first question after a rest sees none.
  for (int question = 0; question < 2; ++question)
    while (auto message = mailbox_.take<Report>())
      if (auto report = settle(std::move(*message))) return report;
  look_for_lost();
  if (settled_.empty()) return {};
  auto report = std::move(settled_.front());
  settled_.pop_front();
  return report;
}

std::optional<TaskReport> Farm::perform_one(std::function<void()> const& idle) {
  if (tasks_.empty()) return {};
  auto node = tasks_.extract(tasks_.begin());
  auto const wave = wave_;
  StopToken const stop = [&] {
    if (idle) idle();
    return wave <= called_off_;
  };
  auto report = perform({node.key(), wave, std::move(node.mapped().payload)}, stop);
  report.queued = node.mapped().queued;
  return report;
}

std::optional<TaskReport> Farm::settle(Received<TaskReport> received) {
  auto const from = received.from;
  auto& report = received.payload;
  auto& post = post_of(from);
  if (post.lost) return {};  // others have its tasks
  vigil_.heard(from);
  std::erase(post.tasks, report.task);
  post.use.tasks += report.outcome == TaskReport::Outcome::done;
  post.use.busy_seconds += report.finished - report.started;
  auto const found = tasks_.find(report.task);
  if (found == tasks_.end()) return {};  // another worker was first
  auto& holders = found->second.holders;
  std::erase(holders, from);
  if (report.outcome == TaskReport::Outcome::cancelled && !holders.empty()) return {};
  for (auto const other : holders) call_off(report.task, other);
  report.rank = from;
  report.queued = found->second.queued;
  tasks_.erase(found);
  return std::move(report);
}

/// The dropped task is still reported, as cancelled, which empties its place at that worker.
void Farm::call_off(TaskId task, Rank from) {
  mailbox_.post<Tell>(from, {Order::drop, task});
}

void Farm::offer_waiting_tasks() {
  auto const idle = freest_worker(1);
  if (!idle) return;
  if (auto const waiting = waiting_task()) hand(*waiting, *idle);
}

std::optional<TaskId> Farm::waiting_task() const {
  for (auto const& post : posts_)
    if (auto const waiting = waiting_behind(post.tasks)) return waiting;
  return {};
}

/// The task that waits behind the running one, unless somebody else has it too, or it has cost a
/// worker: such a one is tried by one after the other.
std::optional<TaskId> Farm::waiting_behind(std::deque<TaskId> const& post) const {
  if (post.size() < 2) return {};
  auto const waiting = tasks_.find(post.back());
  if (waiting == tasks_.end()) return {};
  auto const& [id, task] = *waiting;
  bool const may_be_offered = task.wanted && task.holders.size() == 1 && task.lost.empty();
  return may_be_offered ? std::optional{id} : std::nullopt;
}

void Farm::withdraw(TaskId task) {
  auto const node = tasks_.extract(task);
  if (node.empty()) return;
  for (auto const holder : node.mapped().holders) call_off(task, holder);
}

void Farm::do_here(std::function<void()> const& step) {
  Stopwatch const clock;
  auto const cpu = thread_cpu_seconds();
  step();
  cpu_in_tasks_ += thread_cpu_seconds() - cpu;
  use_.busy_seconds += clock.seconds();
  ++use_.tasks;
}

std::vector<int> Farm::running_per_rank() const {
  std::vector<int> running;
  for (auto const& post : posts_) running.push_back(post.tasks.empty() ? 0 : 1);
  return running;
}

void Farm::cancel_all() {
  called_off_ = wave_++;
  for (auto& [id, task] : tasks_) task.wanted = false;
  tell_all(Order::call_off, called_off_);
}

void Farm::cancel_waiting() {
  for (std::size_t rank = 1; rank < posts_.size(); ++rank)
    for (std::size_t i = 1; i < posts_[rank].tasks.size(); ++i) {
      auto const task = posts_[rank].tasks[i];
      auto const waiting = tasks_.find(task);
      if (waiting != tasks_.end()) waiting->second.wanted = false;
      call_off(task, {static_cast<int>(rank)});
    }
}

}  // namespace canopy::comm
