#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "canopy/core/clock.hpp"
#include "canopy/core/random.hpp"
#include "canopy/federate/aggregator.hpp"
#include "canopy/federate/clients.hpp"
#include "canopy/federate/exact_sum.hpp"
#include "canopy/federate/local_training.hpp"

#include "messages/messages.hpp"

namespace canopy::federate {

/// Everything that clients need to know, the same on every rank.
struct ClientSide {
  nn::Network const& network;
  Aggregator const& aggregator;
  Clients& clients;
  data::Rows const& test_rows;
  LocalOptions local;
  Reduce reduce = Reduce::exact;
  Key key{0};

  static constexpr std::size_t piece = 512;  ///< test rows in a task
};

/// Where the clients of a rank live: does the tasks of jobs, one after another.
class Workshop {
 public:
  explicit Workshop(ClientSide const& side);

  /// `sender` is given back with the outcome.
  void take(Job job, int sender);
  bool has_work() const { return !waiting_.empty(); }
  void forget_work() { waiting_.clear(); }
  /// Others take part in its training from now on; see LocalTrainer. Who does not lead makes
  /// nothing of it.
  void join(Team* team);

  struct Finished {
    int sender;
    Outcome outcome;
  };
  /// Does one task. The outcome, when it was the last one of its job. `tick` is called now and
  /// then.
  std::optional<Finished> step(std::function<void()> const& tick);

  std::int64_t tasks_done() const { return tasks_done_; }
  double busy_seconds() const { return busy_seconds_; }

 private:
  struct Waiting {
    Job job;
    int sender;
    std::size_t next = 0;
    Outcome outcome;
  };
  Report perform(Waiting& at, Task const& task, std::function<void()> const& tick);
  void train(Waiting& at, Task const& task, Report& report, std::function<void()> const& tick);
  void send(Waiting& at, Task const& task, Report& report, LocalResult result,
            std::vector<float> state);
  void evaluate(Job const& job, LocalData const& data, Report& report,
                std::function<void()> const& tick);

  ClientSide side_;
  LocalTrainer trainer_;
  Team* team_ = nullptr;
  std::deque<Waiting> waiting_;
  std::int64_t tasks_done_ = 0;
  double busy_seconds_ = 0;
};

}  // namespace canopy::federate
