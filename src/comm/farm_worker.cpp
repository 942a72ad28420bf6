// The workers' side of a farm.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "canopy/comm/farm.hpp"

namespace canopy::comm {

void Farm::serve() {
  Patience patience;
  StopToken const stop = [this] {
    look();
    constexpr std::size_t running_and_waiting = 2;
    if (inbox_.size() < running_and_waiting) take_assignments();
    return ending_ || inbox_.front().wave <= called_off_;
  };
  while (!ending_) {
    take_assignments();
    look();  // afterwards: asking for messages is what brings them, so the first question sees none
    if (!inbox_.empty()) {
      mailbox_.post<Report>(Communicator::root, perform(inbox_.front(), stop));
      inbox_.pop_front();
      patience.reset();
    } else {
      mailbox_.all_sent();
      patience.rest();
    }
  }
  say_goodbye();
}

/// Also in the midst of a task, so that the next one is here when it ends.
void Farm::take_assignments() {
  while (auto message = mailbox_.take<Assign>()) inbox_.push_back(std::move(message->payload));
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
  cpu_in_tasks_ += thread_cpu_seconds() - cpu;
  report.finished = clock_.seconds();
  use_.busy_seconds += report.finished - report.started;
  use_.tasks += report.outcome == TaskReport::Outcome::done;
  return report;
}

bool Farm::is_dropped(Assignment const& assignment) {
  return std::erase(dropped_, assignment.task) > 0 || assignment.wave <= called_off_;
}

/// Before it has been heard of for the first time it may have an earlier session to take over: that
/// is a long silence, too.
void Farm::allow_silence(bool is_long) {
  vigil_.allow(Communicator::root, is_long || vigil_.sees(Communicator::root)
                                       ? times_.long_silence
                                       : times_.coordinator_lost_after);
}

/// Between two moments of work, or of waiting for some.
void Farm::look() {
  beat_as_worker();
  while (auto const order = mailbox_.take<Tell>()) {
    vigil_.heard(Communicator::root);
    obey(order->payload);
  }
  look_for_coordinator();
}

void Farm::obey(Order order) {
  switch (order.kind) {
    case Order::live:
      allow_silence(ending_ || order.number != 0);
      break;
    case Order::drop:
      dropped_.push_back(order.number);
      break;
    case Order::call_off:
      called_off_ = std::max(called_off_, order.number);
      break;
    case Order::shut_down:
      ending_ = true;
      allow_silence(true);
      break;
    case Order::farewell:
      farewell_ = order.number != 0;
      break;
    case Order::give_up:
      leave(fmt::format("was silent for {:g} s, so that others do its tasks", times_.lost_after));
  }
}

/// Whoever hangs must not keep the job from ending, nor come back when nobody expects it: so the
/// kernel ends a worker that does not beat for as long as others wait for it.
void Farm::beat_as_worker() {
  auto const now = clock_.seconds();
  if (now < next_beat_) return;
  next_beat_ = now + times_.beat;
  deadline_.set(times_.lost_after, 1);
  mailbox_.post<Sign>(Communicator::root, false);
}

void Farm::look_for_coordinator() {
  auto const now = clock_.seconds();
  if (now < next_look_) return;
  next_look_ = now + times_.beat / 25;
  if (auto const why = vigil_.why_lost(Communicator::root))
    leave("has lost rank 0, the coordinator: " + *why +
          "; what it saved stands, go on with --resume");
}

void Farm::leave(std::string const& why) const {
  fmt::print(stderr, "canopy: rank {} on {} leaves; it {}\n", mailbox_.comm().rank().value,
             host_name(), why);
  Environment::leave(1);
}

/// Nobody wants what still comes here, but the next farm must not find it.
void Farm::say_goodbye() {
  mailbox_.post<Goodbye>(Communicator::root, use());
  for (Patience patience; !farewell_; patience.rest()) {
    while (mailbox_.take<Assign>()) continue;
    look();
    mailbox_.all_sent();
  }
  mailbox_.post<Sign>(Communicator::root, true);
  if (*farewell_) Environment::leave(0);
  while (!mailbox_.all_sent()) look_for_coordinator();
  deadline_.call_off();
}

}  // namespace canopy::comm
