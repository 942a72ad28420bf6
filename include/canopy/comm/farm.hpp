#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "canopy/comm/environment.hpp"
#include "canopy/comm/farm_reports.hpp"
#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/patience.hpp"
#include "canopy/comm/vigil.hpp"
#include "canopy/core/clock.hpp"

namespace canopy::comm {

/// A coordinator (the root) and workers (everybody else) that speak point to point only.
///
/// The root hands out tasks whenever `wants_task`, and waits for reports; each worker has one task
/// running and one waiting beside it, so that it never idles for a round trip. When the work runs
/// out, tasks that still wait behind a running one are offered to idle workers as well; the first
/// report counts. What a lost worker had is run again elsewhere. Alone, the root does the work
/// itself, one task in each `wait`.
///
///     Farm farm{comm, work};
///     if (!comm.is_root()) return farm.serve();
///     while (...) { while (farm.wants_task()) farm.assign(id, payload);  auto r = farm.wait(0.1);
///     } farm.shut_down();  ...  farm.dismiss();
class Farm {
 public:
  /// Collective.
  Farm(Communicator const& comm, Work work, FarmTimes times = {});
  Farm(Farm const&) = delete;
  Farm& operator=(Farm const&) = delete;
  /// A coordinator that leaves by an exception still sends its workers home.
  ~Farm();

  /// Workers: works until the coordinator dismisses them. Does not return when any rank was lost,
  /// the coordinator included: nothing that all do together works then, so the process ends.
  void serve();

  // ---- the coordinator
  bool alone() const { return mailbox_.comm().size() == 1; }
  /// That are not lost.
  int workers() const;
  bool wants_task() const;
  /// To `prefer`, which may have kept something that the task needs, unless others have less to do
  /// or it is lost.
  void assign(TaskId task, Bytes payload, std::optional<Rank> prefer = {});
  /// The next report, or nothing after about `seconds`; 0 takes one look. `idle` is called while
  /// time passes; alone, it is called whenever the work asks its token. Throws NoWorkersLeft.
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

  /// Ends the work and returns how every rank spent its time, in rank order. The workers stay, so
  /// that they would find out if this rank were lost in what it does next.
  std::vector<RankUse> shut_down();
  /// Lets the workers go. After a loss their processes end, and so must this one, soon and without
  /// MPI (Environment::leave).
  void dismiss();
  /// What this rank does next may take long: the workers are patient until it waits again.
  void expect_silence() { tell_all(Order::live, 1); }
  /// Lost workers, in the order in which they were found out.
  std::vector<Loss> const& losses() const { return losses_; }
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
  struct Order {
    enum Kind : std::int64_t {
      live,       ///< this rank does; 1: and will be silent for long
      drop,       ///< do not begin task `number`
      call_off,   ///< give up all tasks of wave `number` and earlier ones
      shut_down,  ///< no more work will come
      farewell,   ///< the end; 1: ranks were lost
      give_up     ///< you are taken for lost
    };
    Kind kind;
    std::int64_t number;
  };
  using Assign = Channel<Assignment, 1>;
  using Report = Channel<TaskReport, 2>;
  using Tell = Channel<Order, 3>;
  using Sign = Channel<bool, 4>;  ///< of a worker's life; true: the last
  using Goodbye = Channel<RankUse, 5>;
  static_assert(distinct_tags<Assign, Report, Tell, Sign, Goodbye>());

  /// What the coordinator knows of a task that is out.
  struct Task {
    Bytes payload;
    double queued = 0;
    std::vector<Rank> holders;
    std::vector<Rank> lost;  ///< ranks that were lost while they ran it
    bool wanted = true;      ///< not called off
  };
  /// What the coordinator knows of a rank.
  struct Post {
    std::deque<TaskId> tasks;  ///< oldest (running) first
    RankUse use;               ///< by its reports; as it says itself at the end
    bool lost = false;
    bool said_goodbye = false;
    bool gone = false;
  };

  // the coordinator
  Post& post_of(Rank rank) { return posts_[static_cast<std::size_t>(rank.value)]; }
  std::optional<Rank> freest_worker(std::size_t depth) const;
  Rank worker_for(std::optional<Rank> prefer) const;
  void hand(TaskId task, Rank to);
  void tell_all(Order::Kind kind, std::int64_t number = 0);
  void offer_waiting_tasks();
  std::optional<TaskReport> perform_one(std::function<void()> const& idle);
  std::optional<TaskReport> next_report();
  void take_last_reports();
  std::optional<TaskReport> settle(Received<TaskReport> received);
  std::optional<TaskId> waiting_behind(std::deque<TaskId> const& post) const;
  void call_off(TaskId task, Rank from);
  void beat_as_coordinator();
  void look_for_lost();
  void lose(Rank rank, std::string reason);
  void find_another(TaskId task, Loss& loss);
  void settle_here(TaskId task, TaskReport::Outcome outcome, std::string error);
  bool all(bool Post::*what) const;
  void take_signs();
  // a worker
  void take_assignments();
  TaskReport perform(Assignment const& assignment, StopToken const& stop);
  void beat_as_worker();
  void look_for_coordinator();
  void allow_silence(bool is_long);
  void obey(Order order);
  void look();
  bool is_dropped(Assignment const& assignment);
  void say_goodbye();
  [[noreturn]] void leave(std::string const& why) const;
  RankUse use() const;

  Mailbox mailbox_;
  Work work_;
  FarmTimes times_;
  Vigil vigil_;
  Deadline deadline_;  ///< worker: it ends when it does not beat
  Stopwatch clock_;
  /// Coordinator: workers have their next task, so a report may wait half as long as none came, and
  /// who shares a core with a worker has to sleep most of the time.
  Patience patience_{std::chrono::milliseconds{50}, 2};
  RankUse use_;
  double cpu_at_start_;
  double cpu_in_tasks_ = 0;
  std::map<TaskId, Task> tasks_;    ///< coordinator: assigned, not reported
  std::vector<Post> posts_;         ///< coordinator: by rank
  std::deque<TaskReport> settled_;  ///< coordinator: of tasks that nobody will report
  std::vector<Loss> losses_;        ///< coordinator
  std::int64_t wave_ = 0;           ///< coordinator: tasks assigned now belong to this
  bool ending_ = false;             ///< no more work
  std::optional<bool> farewell_;    ///< the end; true after losses
  std::deque<Assignment> inbox_;    ///< worker: the running task first
  std::vector<TaskId> dropped_;     ///< worker: not to be begun
  std::int64_t called_off_ = -1;    ///< everywhere: tasks up to this wave are given up
  double next_beat_ = 0;
  double next_look_ = 0;
};

}  // namespace canopy::comm
