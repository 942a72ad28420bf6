#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/patience.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/stop.hpp"

namespace canopy::comm {

/// Names a task; never used twice in the life of a farm.
using TaskId = std::int64_t;

/// What became of one task.
struct TaskReport {
  enum class Outcome : std::uint8_t { done, failed, cancelled };

  TaskId task = -1;
  Outcome outcome = Outcome::done;
  Rank rank;            ///< who ran it
  double queued = 0;    ///< seconds since the farm started: handed to the farm,
  double started = 0;   ///< begun by the worker,
  double finished = 0;  ///< done, by the worker's clock
  Bytes result;         ///< what the work gave, when done
  std::string error;    ///< why not, when failed

  template <class Archive>
  void fields(Archive& archive) {
    archive(task, outcome, started, finished, result, error);
  }
};

/// How one rank spent the life of the farm.
struct RankUse {
  std::int64_t tasks = 0;
  double busy_seconds = 0;  ///< inside tasks
  double comm_seconds = 0;  ///< the coordinator's own work; in workers receiving and sending
  double total_seconds = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  double max_rss = 0;  ///< bytes
};

/// The work itself: a task's payload in, a result out. Called on the workers. May throw: the task
/// is then reported as failed and the worker goes on. Should ask the token now and then.
using Work = std::function<Bytes(Bytes const& payload, StopToken const& stop)>;

/// A coordinator (the root) and workers (everybody else) that speak point to point only.
///
/// The root hands out tasks whenever `wants_task`, and waits for reports; each worker has one task
/// running and one waiting beside it, so that it never idles for a round trip. When the work runs
/// out, tasks that still wait behind a running one are offered to idle workers as well; the first
/// report counts. Alone, the root does the work itself, one task in each `wait`.
///
///     Farm farm{comm, work};
///     if (!comm.is_root()) return farm.serve();
///     while (...) { while (farm.wants_task()) farm.assign(id, payload);  auto r = farm.wait(0.1);
///     } farm.shut_down();
class Farm {
 public:
  /// Collective.
  Farm(Communicator const& comm, Work work);
  Farm(Farm const&) = delete;
  Farm& operator=(Farm const&) = delete;
  /// A coordinator that leaves by an exception still sends its workers home.
  ~Farm();

  /// Workers: works until the coordinator shuts the farm down.
  void serve();

  // ---- the coordinator
  bool alone() const { return mailbox_.comm().size() == 1; }
  int workers() const { return alone() ? 1 : static_cast<int>(posts_.size()) - 1; }
  bool wants_task() const;
  void assign(TaskId task, Bytes payload);
  /// The next report, or nothing after about `seconds`; 0 takes one look. `idle` is called while
  /// time passes; alone, it is called whenever the work asks its token.
  std::optional<TaskReport> wait(double seconds, std::function<void()> const& idle = {});
  /// Tasks assigned and not yet reported.
  std::size_t outstanding() const { return tasks_.size(); }
  std::vector<int> running_per_rank() const;
  /// Calls everything off that is not finished; each such task is still reported, as cancelled.
  void cancel_all();
  /// Calls off the tasks that no worker has begun; running ones go on.
  void cancel_waiting();

  /// The coordinator's own part of the work: runs `step` and counts it as a task of this rank. The
  /// step should `wait(0)` now and then, so that the workers are not kept waiting.
  void do_here(std::function<void()> const& step);
  /// A task that no worker seems to have begun, for a coordinator that has time for it.
  std::optional<TaskId> waiting_task() const;
  /// Nobody need do this task any more; it is not reported.
  void withdraw(TaskId task);

  /// Ends the workers and returns how every rank spent its time, in rank order.
  std::vector<RankUse> shut_down();
  double seconds() const { return clock_.seconds(); }

 private:
  struct Assignment {
    TaskId task = -1;
    std::int64_t wave = 0;
    Bytes payload;
    template <class Archive>
    void fields(Archive& archive) {
      archive(task, wave, payload);
    }
  };
  using Assign = Channel<Assignment, 1>;
  using Report = Channel<TaskReport, 2>;
  using Drop = Channel<TaskId, 3>;           ///< do not begin this task
  using CallOff = Channel<std::int64_t, 4>;  ///< give up all tasks of this wave and earlier ones
  using Leave = Channel<int, 5>;             ///< no more work will come
  using Goodbye = Channel<RankUse, 6>;
  static_assert(distinct_tags<Assign, Report, Drop, CallOff, Leave, Goodbye>());

  /// What the coordinator knows of a task that is out.
  struct Task {
    Bytes payload;
    double queued = 0;
    std::vector<Rank> holders;
    bool wanted = true;  ///< not called off
  };

  // the coordinator
  std::optional<Rank> freest_worker(std::size_t depth) const;
  void hand(TaskId task, Rank to);
  void offer_waiting_tasks();
  std::optional<TaskReport> perform_one(std::function<void()> const& idle);
  std::optional<TaskReport> settle(Received<TaskReport> received);
  std::optional<TaskId> waiting_behind(std::deque<TaskId> const& post) const;
  void call_off(TaskId task, Rank from);
  void leave();
  // a worker
  TaskReport perform(Assignment const& assignment, StopToken const& stop);
  void take_drops();
  bool is_dropped(Assignment const& assignment);
  RankUse use() const;

  Mailbox mailbox_;
  Work work_;
  Stopwatch clock_;
  RankUse use_;
  double cpu_at_start_;
  double cpu_in_tasks_ = 0;
  std::map<TaskId, Task> tasks_;           ///< coordinator: assigned, not reported
  std::vector<std::deque<TaskId>> posts_;  ///< coordinator: by rank, oldest (running) first
  std::vector<RankUse> uses_;              ///< coordinator: as workers said goodbye
  std::int64_t wave_ = 0;                  ///< coordinator: tasks assigned now belong to this
  bool left_ = false;
  std::vector<TaskId> dropped_;   ///< worker: not to be begun
  std::int64_t called_off_ = -1;  ///< everywhere: tasks up to this wave are given up
};

}  // namespace canopy::comm
