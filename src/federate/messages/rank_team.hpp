#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/patience.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/federate/local_training.hpp"

#include "messages/messages.hpp"

namespace canopy::federate {

/// A team cannot finish what it is at.
struct TeamBroken : std::runtime_error {
  /// A rank of the world that is lost; without one, the federation is over.
  explicit TeamBroken(std::optional<int> rank);
  std::optional<int> lost;
};

/// Ranks that train clients together, point to point: the first one speaks with the combiner,
/// passes jobs on and adds up what the others bring. When one is lost they end as a team.
class RankTeam : public Team {
 public:
  /// `ranks` of the world in the order of `comm`, which is theirs alone. While one waits for
  /// another `goes_on` is called, which hears what they say: false ends that.
  RankTeam(std::vector<int> ranks, comm::Communicator comm, double lost_after,
           std::function<bool()> goes_on);

  bool leads() const override { return me() == 0; }
  comm::Leaves block(int shards) const override;
  /// Throws TeamBroken.
  void add_up(int shards, std::vector<float>& sums, std::vector<nn::Loss>& losses) override;

  bool is_whole() const { return whole_; }
  /// The leader: what there is to train in a job, to the others.
  void pass_on(Job job);
  /// The others: a job that was passed on.
  std::optional<Job> next_job();
  /// Tells all who may still wait for this rank that the team has come to an end.
  void disband(TeamBroken const& why);

  /// Tells the others, or the leader, that this rank lives, and takes in what they say.
  void beat();
  void hear();
  /// Takes messages that nobody needs any more; true when there were some.
  bool forget_messages();
  bool all_sent() { return mailbox_.all_sent(); }
  /// For the others' parts of batches.
  double waited_seconds() const { return waited_seconds_; }
  std::uint64_t bytes_sent() const { return mailbox_.bytes_sent(); }
  std::uint64_t bytes_received() const { return mailbox_.bytes_received(); }

 private:
  /// Of one batch: what a rank has of its gradient, or the leader's answer with all of it.
  struct Part {
    std::vector<nn::Loss> losses;
    std::vector<float> sums;
    template <class Archive>
    void fields(Archive& archive) {
      archive(losses, sums);
    }
  };
  using JobChannel = comm::Channel<Job, 1>;
  using PartChannel = comm::Channel<Part, 2>;
  using Alive = comm::Channel<int, 3>;
  using End = comm::Channel<int, 4>;  ///< the rank that is lost
  static_assert(comm::distinct_tags<JobChannel, PartChannel, Alive, End>());

  int me() const { return mailbox_.comm().rank().value; }
  int size() const { return static_cast<int>(ranks_.size()); }
  Part await(int member);
  template <class C>
  void post_to_others(typename C::Payload const& payload);

  std::vector<int> ranks_;
  comm::Mailbox mailbox_;
  double lost_after_;
  std::function<bool()> goes_on_;
  Stopwatch clock_;
  std::vector<double> heard_;               ///< by member
  std::vector<std::optional<Part>> parts_;  ///< by member: here, and not yet used
  double waited_seconds_ = 0;
  bool whole_ = true;
};

}  // namespace canopy::federate
