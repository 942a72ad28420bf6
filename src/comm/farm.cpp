#include "canopy/comm/farm.hpp"

#include <algorithm>
#include <utility>

namespace canopy::comm {

Farm::Farm(Communicator const& comm, Work work)
    : mailbox_{comm.duplicate()},
      work_{std::move(work)},
      cpu_at_start_{thread_cpu_seconds()},
      posts_(static_cast<std::size_t>(comm.size())),
      uses_(static_cast<std::size_t>(comm.size())) {
  comm.barrier();
  clock_ = Stopwatch{};
}

Farm::~Farm() {
  if (left_ || !mailbox_.comm().is_root()) return;
  try {
    cancel_all();
    leave();
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

// ---- workers

void Farm::serve() {
  Patience patience;
  std::deque<Assignment> inbox;
  StopToken const stop = [this, &inbox] {
    take_drops();
    return !inbox.empty() && inbox.front().wave <= called_off_;
  };
  for (;;) {
    while (auto message = mailbox_.take<Assign>()) inbox.push_back(std::move(message->payload));
    if (!inbox.empty()) {
      take_drops();
      mailbox_.post<Report>(Communicator::root, perform(inbox.front(), stop));
      inbox.pop_front();
      patience.reset();
    } else if (mailbox_.take<Leave>()) {
      // Nobody wants what still lies here, but the next farm must not find it.
      while (mailbox_.take<Assign>()) continue;
      take_drops();
      mailbox_.post<Goodbye>(Communicator::root, use());
      break;
    } else {
      mailbox_.all_sent();
      patience.rest();
    }
  }
  while (!mailbox_.all_sent()) patience.rest();
}

TaskReport Farm::perform(Assignment const& assignment, StopToken const& stop) {
  TaskReport report;
  report.task = assignment.task;
  report.started = clock_.seconds();
  auto const cpu = thread_cpu_seconds();
  if (is_dropped(assignment)) {
    report.outcome = TaskReport::Outcome::cancelled;
  } else {
    try {
      report.result = work_(assignment.payload, stop);
    } catch (Stopped const&) {
      report.outcome = TaskReport::Outcome::cancelled;
    } catch (std::exception const& e) {
      report.outcome = TaskReport::Outcome::failed;
      report.error = e.what();
    }
  }
  report.finished = clock_.seconds();
  cpu_in_tasks_ += thread_cpu_seconds() - cpu;
  use_.busy_seconds += report.finished - report.started;
  use_.tasks += report.outcome == TaskReport::Outcome::done;
  return report;
}

void Farm::take_drops() {
  while (auto message = mailbox_.take<Drop>()) dropped_.push_back(message->payload);
  while (auto message = mailbox_.take<CallOff>())
    called_off_ = std::max(called_off_, message->payload);
}

bool Farm::is_dropped(Assignment const& assignment) {
  return std::erase(dropped_, assignment.task) > 0 || assignment.wave <= called_off_;
}

// ---- the coordinator

std::optional<Rank> Farm::freest_worker(std::size_t depth) const {
  auto const freest =
      std::ranges::min_element(posts_.begin() + 1, posts_.end(), {}, &std::deque<TaskId>::size);
  if (freest == posts_.end() || freest->size() >= depth) return {};
  return Rank{static_cast<int>(freest - posts_.begin())};
}

bool Farm::wants_task() const {
  constexpr std::size_t running_and_waiting = 2;
  return alone() ? tasks_.empty() : freest_worker(running_and_waiting).has_value();
}

void Farm::assign(TaskId task, Bytes payload) {
  tasks_[task] = Task{std::move(payload), seconds(), {}, true};
  if (!alone()) hand(task, *freest_worker(posts_.size() + tasks_.size()));
}

void Farm::hand(TaskId task, Rank to) {
  auto& known = tasks_.at(task);
  known.holders.push_back(to);
  posts_[static_cast<std::size_t>(to.value)].push_back(task);
  mailbox_.post<Assign>(to, Assignment{task, wave_, known.payload});
}

std::optional<TaskReport> Farm::wait(double seconds, std::function<void()> const& idle) {
  if (alone()) return perform_one(idle);
  Stopwatch const waited;
  Patience patience;
  for (;;) {
    while (auto message = mailbox_.take<Report>())
      if (auto report = settle(std::move(*message))) return report;
    offer_waiting_tasks();
    mailbox_.all_sent();
    if (idle) idle();
    if (waited.seconds() >= seconds) return {};
    patience.rest();
  }
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
  std::erase(posts_[static_cast<std::size_t>(from.value)], report.task);
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
  mailbox_.post<Drop>(from, task);
}

void Farm::offer_waiting_tasks() {
  auto const idle = freest_worker(1);
  if (!idle) return;
  if (auto const waiting = waiting_task()) hand(*waiting, *idle);
}

std::optional<TaskId> Farm::waiting_task() const {
  for (auto const& post : posts_)
    if (auto const waiting = waiting_behind(post)) return waiting;
  return {};
}

/// The task that waits behind the running one, unless somebody else has it too.
std::optional<TaskId> Farm::waiting_behind(std::deque<TaskId> const& post) const {
  if (post.size() < 2) return {};
  auto const waiting = tasks_.find(post.back());
  if (waiting == tasks_.end()) return {};
  auto const& [id, task] = *waiting;
  return task.wanted && task.holders.size() == 1 ? std::optional{id} : std::nullopt;
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
  for (auto const& post : posts_) running.push_back(post.empty() ? 0 : 1);
  return running;
}

void Farm::cancel_all() {
  called_off_ = wave_++;
  for (auto& [id, task] : tasks_) task.wanted = false;
  for (int rank = 1; rank < mailbox_.comm().size(); ++rank)
    mailbox_.post<CallOff>({rank}, called_off_);
}

void Farm::cancel_waiting() {
  for (std::size_t rank = 1; rank < posts_.size(); ++rank)
    for (std::size_t i = 1; i < posts_[rank].size(); ++i) {
      auto const waiting = tasks_.find(posts_[rank][i]);
      if (waiting != tasks_.end()) waiting->second.wanted = false;
      call_off(posts_[rank][i], {static_cast<int>(rank)});
    }
}

void Farm::leave() {
  left_ = true;
  auto const workers_left = static_cast<int>(posts_.size()) - 1;
  for (int rank = 1; rank <= workers_left; ++rank) mailbox_.post<Leave>({rank}, 0);
  Patience patience;
  for (int left = workers_left; left > 0;) {
    auto const message = mailbox_.take<Goodbye>();
    // After a goodbye all reports of that worker are here: of tasks that were called off, or that
    // another worker had done before. Unread they would hold their sender back for ever.
    while (mailbox_.take<Report>()) continue;
    if (message) {
      uses_[static_cast<std::size_t>(message->from.value)] = message->payload;
      --left;
      patience.reset();
    } else {
      patience.rest();
    }
  }
  while (!mailbox_.all_sent()) patience.rest();
}

std::vector<RankUse> Farm::shut_down() {
  leave();
  uses_.front() = use();
  return uses_;
}

}  // namespace canopy::comm
