#include "canopy/train/pipeline/check.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

namespace canopy::train {
namespace {

constexpr std::size_t acts = 7;

std::size_t number(Act act) {
  return static_cast<std::size_t>(act);
}

/// What one stage has done, and when.
struct Progress {
  std::size_t next = 0;  ///< in its list
  double clock = 0;
  double busy = 0;
  std::array<std::vector<double>, acts> ended;  ///< by act and micro-batch
  int most_in_flight = 0;

  int done(Act act) const { return static_cast<int>(ended[number(act)].size()); }
  /// Nothing when it has not been done yet.
  std::optional<double> end(Act act, int micro_batch) const {
    if (micro_batch >= done(act)) return {};
    return ended[number(act)][static_cast<std::size_t>(micro_batch)];
  }
};

class Player {
 public:
  Player(ActionLists const& lists, PipelineLimits const& limits,
         std::vector<StageTimes> const& times, double transfer)
      : lists_{lists},
        limits_{limits},
        times_{times},
        transfer_{transfer},
        stages_{static_cast<int>(lists.size())},
        progress_(lists.size()) {
    if (limits.in_flight.size() != lists.size() || times.size() != lists.size())
      throw std::logic_error{"pipeline: limits and times are wanted for every stage"};
  }

  Simulated play() {
    while (!all_done())
      if (!advance()) throw std::logic_error{"pipeline: deadlock; " + what_waits()};
    for (int s = 0; s < stages_; ++s) check_complete(s);
    return result();
  }

 private:
  Progress& at(int stage) { return progress_[static_cast<std::size_t>(stage)]; }
  Progress const& at(int stage) const { return progress_[static_cast<std::size_t>(stage)]; }
  ActionList const& list(int stage) const { return lists_[static_cast<std::size_t>(stage)]; }
  int room(int stage) const { return limits_.in_flight[static_cast<std::size_t>(stage)]; }

  bool is_done(int stage) const { return at(stage).next == list(stage).size(); }
  bool all_done() const {
    for (int s = 0; s < stages_; ++s)
      if (!is_done(s)) return false;
    return true;
  }

  /// Every stage as far as it can; false when none did anything.
  bool advance() {
    bool moved = false;
    for (int s = 0; s < stages_; ++s)
      while (!is_done(s) && perform(s, list(s)[at(s).next])) moved = true;
    return moved;
  }

  bool perform(int stage, Action action) {
    check_due(stage, action);
    auto const ready = ready_at(stage, action);
    if (!ready) return false;
    auto& progress = at(stage);
    auto const seconds = seconds_of(stage, action.act);
    progress.clock = std::max(progress.clock, *ready) + seconds;
    progress.busy += seconds;
    progress.ended[number(action.act)].push_back(progress.clock);
    ++progress.next;
    auto const in_flight = progress.done(Act::forward) - progress.done(Act::weights);
    progress.most_in_flight = std::max(progress.most_in_flight, in_flight);
    if (in_flight > room(stage))
      fail(stage, action,
           fmt::format("{} are in flight, and there is room for {}", in_flight, room(stage)));
    return true;
  }

  double seconds_of(int stage, Act act) const {
    auto const& times = times_[static_cast<std::size_t>(stage)];
    if (act == Act::forward) return times.forward;
    if (act == Act::backward) return times.backward;
    return act == Act::weights ? times.weights : 0;
  }

  // ---- order within a stage

  void check_due(int stage, Action action) const {
    auto const due = at(stage).done(action.act);
    if (action.micro_batch != due) fail(stage, action, fmt::format("micro-batch {} is due", due));
    if (due >= limits_.micro_batches)
      fail(stage, action, fmt::format("there are {} only", limits_.micro_batches));
    if (!has_neighbour(stage, action.act)) fail(stage, action, "there is no such neighbour");
    for (auto const before : needs(stage, action.act))
      if (at(stage).done(before) <= action.micro_batch)
        fail(stage, action,
             fmt::format("its {} comes later or never", to_text({before, action.micro_batch})));
  }

  bool has_neighbour(int stage, Act act) const {
    if (act == Act::receive_activations || act == Act::send_gradient) return stage > 0;
    if (act == Act::receive_gradient || act == Act::send_activations) return stage + 1 < stages_;
    return true;
  }

  /// What must stand before an action of the same micro-batch on the same stage.
  std::vector<Act> needs(int stage, Act act) const {
    std::vector<Act> before;
    if (act == Act::forward && stage > 0) before = {Act::receive_activations};
    if (act == Act::send_activations) before = {Act::forward};
    if (act == Act::backward) {
      before = {Act::forward};
      if (stage + 1 < stages_) before.push_back(Act::receive_gradient);
    }
    if (act == Act::send_gradient || act == Act::weights) before = {Act::backward};
    return before;
  }

  void check_complete(int stage) const {
    for (std::size_t a = 0; a < acts; ++a) {
      auto const act = static_cast<Act>(a);
      if (has_neighbour(stage, act) && at(stage).done(act) < limits_.micro_batches)
        fail(stage, {act, at(stage).done(act)}, "it is missing");
    }
  }

  // ---- what stages wait for

  /// When the messages that the action needs are there and the buffers that it writes are free;
  /// nothing when that cannot be told yet.
  std::optional<double> ready_at(int stage, Action action) const {
    switch (action.act) {
      case Act::receive_activations:
        return arrival(stage - 1, Act::send_activations, stage, action);
      case Act::receive_gradient:
        return arrival(stage + 1, Act::send_gradient, stage, action);
      case Act::forward:
        return reusable(stage, Act::send_activations, stage + 1, action);
      case Act::backward:
        return reusable(stage, Act::send_gradient, stage - 1, action);
      default:
        return 0;
    }
  }

  /// Behind the messages before it.
  std::optional<double> arrival(int from, Act send, int to, Action action) const {
    double end = 0;
    for (int micro_batch = 0; micro_batch <= action.micro_batch; ++micro_batch) {
      auto const left = left_at(from, send, to, micro_batch);
      if (!left) return {};
      end = std::max(end, *left) + transfer_;
    }
    return end;
  }

  /// A message leaves when it was sent and the receiver has a buffer for it.
  std::optional<double> left_at(int from, Act send, int to, int micro_batch) const {
    auto const sent = at(from).end(send, micro_batch);
    if (!sent) return {};
    auto const before = micro_batch - room(to);  // had the buffer
    if (before < 0) return sent;
    auto const freed = at(to).end(Act::weights, before);
    if (!freed) return {};
    return std::max(*sent, *freed);
  }

  /// The work writes into a buffer that an earlier message must have left.
  std::optional<double> reusable(int stage, Act send, int to, Action action) const {
    auto const before = action.micro_batch - room(stage);
    if (before < 0 || !has_neighbour(stage, send)) return 0;
    return left_at(stage, send, to, before);
  }

  // ---- what is said

  [[noreturn]] static void fail(int stage, Action action, std::string const& why) {
    throw std::logic_error{fmt::format("pipeline: stage {}, {}: {}", stage, to_text(action), why)};
  }

  std::string what_waits() const {
    std::string text;
    for (int s = 0; s < stages_; ++s)
      if (!is_done(s))
        text += fmt::format("{}stage {} waits in {}", text.empty() ? "" : ", ", s,
                            to_text(list(s)[at(s).next]));
    return text;
  }

  Simulated result() const {
    Simulated simulated;
    double busy = 0;
    for (auto const& progress : progress_) {
      simulated.makespan = std::max(simulated.makespan, progress.clock);
      simulated.most_in_flight.push_back(progress.most_in_flight);
      busy += progress.busy;
    }
    if (simulated.makespan > 0) simulated.idle = 1 - busy / (stages_ * simulated.makespan);
    return simulated;
  }

  ActionLists const& lists_;
  PipelineLimits const& limits_;
  std::vector<StageTimes> const& times_;
  double transfer_;
  int stages_;
  std::vector<Progress> progress_;
};

}  // namespace

Simulated simulate(ActionLists const& lists, PipelineLimits const& limits,
                   std::vector<StageTimes> const& times, double transfer) {
  return Player{lists, limits, times, transfer}.play();
}

PipelineLimits limits_of(PipelineSchedule const& schedule, int stages, int micro_batches) {
  PipelineLimits limits{micro_batches, {}};
  for (int s = 0; s < stages; ++s)
    limits.in_flight.push_back(schedule.in_flight(s, stages, micro_batches));
  return limits;
}

ActionLists checked_lists(PipelineSchedule const& schedule, int stages, int micro_batches) {
  auto lists = schedule.make(stages, micro_batches);
  simulate(lists, limits_of(schedule, stages, micro_batches),
           std::vector<StageTimes>(static_cast<std::size_t>(stages)));
  return lists;
}

}  // namespace canopy::train
