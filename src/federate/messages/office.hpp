#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "canopy/comm/farm.hpp"
#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/patience.hpp"
#include "canopy/federate/federation.hpp"
#include "canopy/federate/roles.hpp"

#include "clients/workshop.hpp"
#include "messages/combiner_clock.hpp"
#include "messages/dealer.hpp"
#include "messages/messages.hpp"
#include "messages/rank_team.hpp"

namespace canopy::federate {

/// All roles of one rank and the messages between them. Reducer and combiners form one group of
/// ranks, every combiner and its clients another, made at the start; from then on they speak point
/// to point. Roles that share a rank speak without MPI.
///
/// The reducer's rank calls perform() for each job, the others serve() until it shuts down.
class Office {
 public:
  /// Collective.
  Office(comm::Communicator const& comm, RoleMap const& roles, Workshop& workshop);
  Office(Office const&) = delete;
  Office& operator=(Office const&) = delete;

  // ---- the reducer
  /// Hands out a job; its outcome comes from next(), jobs in any order.
  void submit(Job job);
  /// An outcome, when one has come. Does what this rank has to do meanwhile.
  std::optional<Outcome> next();
  /// One job from start to end; `idle` is called now and then.
  Outcome perform(Job job, std::function<void()> const& idle = {});
  /// Ends the others, whatever they are at, and returns how every rank spent its time, in rank
  /// order. Once more: nothing.
  std::vector<comm::RankUse> shut_down();
  std::uint64_t bytes_sent() const;
  /// Ranks of clients that were lost since this was last asked; their work was dealt to others.
  std::vector<int> newly_lost();
  bool has_lost_ranks() const { return !lost_.empty(); }

  // ---- everybody else
  /// Does not return when a rank was lost: MPI cannot end in order then. Nor after an error, which
  /// ends the job.
  void serve();

  /// Seconds of silence after which a rank that has work, or the reducer, is taken for lost. Ranks
  /// say that they live every half second, also while they train.
  static constexpr double lost_after = 10;
  static constexpr double reducer_lost_after = 30;

 private:
  using JobChannel = comm::Channel<Job, 1>;
  using OutcomeChannel = comm::Channel<Outcome, 2>;
  using Leave = comm::Channel<int, 3>;
  using Goodbye = comm::Channel<comm::RankUse, 4>;
  using Alive = comm::Channel<int, 5>;
  using Farewell = comm::Channel<int, 6>;  ///< all goodbyes were heard; 1: a rank was lost
  using Broken = comm::Channel<int, 7>;    ///< a team is, by the loss of this rank
  static_assert(
      comm::distinct_tags<JobChannel, OutcomeChannel, Leave, Goodbye, Alive, Farewell, Broken>());

  /// Some ranks; this rank is one of them.
  struct Group {
    std::vector<int> ranks;  ///< of the world, by rank in the group
    std::unique_ptr<comm::Mailbox> mailbox;

    comm::Rank place(int world_rank) const;
  };
  struct Combiner {
    int number;
    Dealer clients;
    std::vector<double> heard;  ///< by client rank: when it was last heard of
    CombinerClock clock = {};
  };

  Group make_group(std::vector<int> ranks) const;
  void make_combiner(int number);
  void make_team();
  void give_to_combiner(int number, Job part);
  void give_to_client(int combiner, int child, Job part);
  void take_job(int combiner, Job job);
  void take_work(Job job, int child);
  void client_outcome(int combiner, int child, Outcome part);
  void combined(int combiner, Outcome outcome);
  void finished(Outcome outcome);
  int child_of_rank(int combiner, int world_rank) const;
  int rank_of_child(int combiner, int child) const;

  void beat();
  void look_for_lost();
  void lose(Combiner& combiner, int child, int rank);
  void end_team(TeamBroken const& why);
  void look_for_lost_combiners();
  void leave_if_reducer_is_lost() const;
  void say_goodbye();
  void forget_messages();
  bool all_sent();

  bool receive();
  void hear();
  bool receive_from_combiners();
  bool receive_from_clients(int combiner);
  std::optional<comm::Received<Outcome>> take_outcome(int combiner);
  bool work();
  void tell(Workshop::Finished finished);
  bool pump();
  std::uint64_t newly_moved();
  comm::RankUse use() const;

  comm::Communicator comm_;
  RoleMap const& roles_;
  Workshop& workshop_;
  comm::Mailbox world_;
  Group top_;                     ///< reducer and combiners
  std::vector<Group> groups_;     ///< by combiner: it and its clients; those this rank is in
  std::optional<RankTeam> team_;  ///< with several ranks per client: this rank's
  Dealer reducer_;
  std::vector<std::optional<Combiner>> combiners_;  ///< those on this rank
  std::deque<Outcome> finished_;
  comm::Patience patience_;
  Stopwatch clock_;
  std::uint64_t told_bytes_ = 0;
  std::vector<double> heard_combiners_;  ///< on the reducer's rank
  double heard_reducer_ = 0;
  double next_beat_ = 0;
  double last_pump_ = 0;
  std::vector<int> newly_found_;  ///< lost clients' ranks that the reducer does not know of yet
  std::vector<int> lost_;         ///< on the reducer's rank
  std::size_t told_lost_ = 0;     ///< so many of them were told of
  bool left_ = false;
  std::vector<comm::RankUse> uses_;  ///< on the reducer's rank, at the end
};

}  // namespace canopy::federate
