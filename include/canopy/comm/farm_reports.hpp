#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/core/bytes.hpp"
#include "canopy/core/stop.hpp"

/// What a farm takes and what it tells.
namespace canopy::comm {

/// Names a task; never used twice in the life of a farm.
using TaskId = std::int64_t;

/// The work itself: a task's payload in, a result out. Called on the workers. May throw: the task
/// is then reported as failed and the worker goes on. Must ask the token now and then, every second
/// or so: it is by this that others know that the rank lives.
using Work = std::function<Bytes(Bytes const& payload, StopToken const& stop)>;

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

/// Seconds that tell a slow rank from a lost one.
struct FarmTimes {
  double beat = 0.5;  ///< between two signs of life
  /// Of silence after which a worker is given up; it then ends itself, should it still live. Long,
  /// since some steps of a task do not ask their token; a process that ended on the coordinator's
  /// machine is known at once.
  double lost_after = 30;
  /// Of silence after which workers on other machines leave a coordinator.
  double coordinator_lost_after = 8;
  /// The same while it has said that it has long steps of its own, and for those on its machine,
  /// who know at once when it ends.
  double long_silence = 600;
};

/// A worker that has gone, and what was done about it.
struct Loss {
  Rank rank;
  double seconds = 0;           ///< since the farm started
  std::string reason;           ///< "its process has ended"
  std::vector<TaskId> retried;  ///< its tasks, which went to others
};

/// All workers are lost, with tasks left.
struct NoWorkersLeft : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace canopy::comm
