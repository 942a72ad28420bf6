#include "messages/office.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "canopy/comm/environment.hpp"

namespace canopy::federate {
namespace {

std::vector<int> distinct(std::vector<int> ranks) {
  std::ranges::sort(ranks);
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

}  // namespace

comm::Rank Office::Group::place(int world_rank) const {
  return {static_cast<int>(std::ranges::find(ranks, world_rank) - ranks.begin())};
}

Office::Office(comm::Communicator const& comm, RoleMap const& roles, Workshop& workshop)
    : comm_{comm},
      roles_{roles},
      workshop_{workshop},
      world_{comm.duplicate()},
      reducer_{static_cast<int>(roles.combiners.size()),
               [this](int child, Job part) { give_to_combiner(child, std::move(part)); },
               [this](Task const& task) { return roles_.combiner_of(task.client); }},
      combiners_(roles.combiners.size()),
      patience_{std::chrono::microseconds{500}, 32},
      heard_combiners_(roles.combiners.size()) {
  auto top = roles.combiners;
  top.push_back(roles.reducer);
  top_ = make_group(std::move(top));
  for (std::size_t j = 0; j < roles.combiners.size(); ++j) {
    auto members = roles.client_ranks[j];
    members.push_back(roles.combiners[j]);
    groups_.push_back(make_group(std::move(members)));
    if (roles.combiners[j] == comm.rank().value) make_combiner(static_cast<int>(j));
  }
  if (roles.ranks_per_client > 1) make_team();
}

Office::Group Office::make_group(std::vector<int> ranks) const {
  Group group{distinct(std::move(ranks)), nullptr};
  auto const mine = std::ranges::find(group.ranks, comm_.rank().value) != group.ranks.end();
  auto const split = comm_.split(mine ? 1 : 0);
  if (mine) group.mailbox = std::make_unique<comm::Mailbox>(split);
  return group;
}

void Office::make_combiner(int number) {
  auto const& ranks = roles_.client_ranks[static_cast<std::size_t>(number)];
  combiners_[static_cast<std::size_t>(number)].emplace(Combiner{
      number,
      Dealer{
          static_cast<int>(ranks.size()),
          [this, number](int child, Job part) { give_to_client(number, child, std::move(part)); }},
      std::vector<double>(ranks.size())});
}

void Office::make_team() {
  auto const groups = roles_.groups();
  auto const mine = std::ranges::find_if(groups, [this](auto const& group) {
    return std::ranges::find(group, comm_.rank().value) != group.end();
  });
  auto const comm = comm_.split(static_cast<int>(mine - groups.begin()));
  if (mine == groups.end()) return;
  team_.emplace(*mine, comm, lost_after, [this] {
    beat();
    hear();
    if (world_.take<Leave>()) left_ = true;
    return !left_;
  });
  workshop_.join(&*team_);
}

// ---- downwards

void Office::submit(Job job) {
  reducer_.begin(std::move(job));
}

void Office::give_to_combiner(int number, Job part) {
  part.combiner = number;
  auto const rank = roles_.combiners[static_cast<std::size_t>(number)];
  if (rank == comm_.rank().value)
    take_job(number, std::move(part));
  else
    top_.mailbox->post<JobChannel>(top_.place(rank), part);
}

/// A combiner's part: on to its clients.
void Office::take_job(int combiner, Job job) {
  auto& own = *combiners_[static_cast<std::size_t>(combiner)];
  auto const trains =
      std::ranges::find(job.tasks, Task::Kind::train, &Task::kind) != job.tasks.end();
  own.clients.begin(std::move(job));
  if (trains) own.clock.begin();
}

void Office::give_to_client(int combiner, int child, Job part) {
  auto const c = static_cast<std::size_t>(combiner);
  auto const rank = rank_of_child(combiner, child);
  if (rank == comm_.rank().value)
    take_work(std::move(part), child);
  else
    groups_[c].mailbox->post<JobChannel>(groups_[c].place(rank), part);
}

/// A team that is broken has told so, and its work has gone to others.
void Office::take_work(Job job, int child) {
  if (team_) {
    if (!team_->is_whole()) return;
    team_->pass_on(job);
  }
  workshop_.take(std::move(job), child);
}

// ---- upwards

/// The child behind the last one is the combiner, who does the work when nobody is left.
int Office::rank_of_child(int combiner, int child) const {
  auto const& ranks = roles_.client_ranks[static_cast<std::size_t>(combiner)];
  return std::cmp_less(child, ranks.size()) ? ranks[static_cast<std::size_t>(child)]
                                            : comm_.rank().value;
}

int Office::child_of_rank(int combiner, int world_rank) const {
  auto const& ranks = roles_.client_ranks[static_cast<std::size_t>(combiner)];
  return static_cast<int>(std::ranges::find(ranks, world_rank) - ranks.begin());
}

void Office::client_outcome(int combiner, int child, Outcome part) {
  auto& own = *combiners_[static_cast<std::size_t>(combiner)];
  auto const trained = part.trained();
  Stopwatch const clock;
  auto whole = own.clients.add(child, std::move(part));
  if (trained > 0) own.clock.added_up(clock.seconds(), trained);
  if (whole) combined(combiner, std::move(*whole));
}

void Office::combined(int combiner, Outcome outcome) {
  outcome.combiner = combiner;
  if (outcome.trained() > 0) {
    outcome.uses.push_back(combiners_[static_cast<std::size_t>(combiner)]->clock.tell());
    outcome.uses.back().combiner = combiner;
  }
  if (roles_.reducer == comm_.rank().value) {
    outcome.lost = std::exchange(newly_found_, {});
    finished(std::move(outcome));
  } else {
    outcome.bytes += newly_moved();
    outcome.lost = std::exchange(newly_found_, {});
    top_.mailbox->post<OutcomeChannel>(top_.place(roles_.reducer), outcome);
  }
}

void Office::finished(Outcome outcome) {
  auto const combiner = outcome.combiner;
  for (auto const rank : outcome.lost)
    if (std::ranges::find(lost_, rank) == lost_.end()) lost_.push_back(rank);
  if (auto whole = reducer_.add(combiner, std::move(outcome)))
    finished_.push_back(std::move(*whole));
}

// ---- messages and work

bool Office::receive_from_combiners() {
  if (top_.mailbox == nullptr) return false;
  bool some = false;
  while (auto job = top_.mailbox->take<JobChannel>()) {
    some = true;
    auto const combiner = job->payload.combiner;
    take_job(combiner, std::move(job->payload));
  }
  while (auto outcome = top_.mailbox->take<OutcomeChannel>()) {
    some = true;
    heard_combiners_[static_cast<std::size_t>(outcome->payload.combiner)] = clock_.seconds();
    finished(std::move(outcome->payload));
  }
  return some;
}

bool Office::receive_from_clients(int combiner) {
  auto& group = groups_[static_cast<std::size_t>(combiner)];
  if (group.mailbox == nullptr) return false;
  bool some = false;
  while (auto job = group.mailbox->take<JobChannel>()) {
    some = true;
    take_work(std::move(job->payload), child_of_rank(combiner, comm_.rank().value));
  }
  while (auto outcome = take_outcome(combiner)) {
    some = true;
    auto const rank = group.ranks[static_cast<std::size_t>(outcome->from.value)];
    auto const child = child_of_rank(combiner, rank);
    combiners_[static_cast<std::size_t>(combiner)]->heard[static_cast<std::size_t>(child)] =
        clock_.seconds();
    client_outcome(combiner, child, std::move(outcome->payload));
  }
  while (auto const broken = group.mailbox->take<Broken>()) {
    some = true;
    auto const leader = group.ranks[static_cast<std::size_t>(broken->from.value)];
    lose(*combiners_[static_cast<std::size_t>(combiner)], child_of_rank(combiner, leader),
         broken->payload);
  }
  return some;
}

/// What there is of it so far may also have taken time to receive.
std::optional<comm::Received<Outcome>> Office::take_outcome(int combiner) {
  auto& mailbox = *groups_[static_cast<std::size_t>(combiner)].mailbox;
  auto const bytes = mailbox.bytes_received();
  Stopwatch const clock;
  auto outcome = mailbox.take<OutcomeChannel>();
  auto& own = combiners_[static_cast<std::size_t>(combiner)];
  if (own && (outcome ? outcome->payload.trained() > 0 : mailbox.is_receiving()))
    own->clock.loaded(clock.seconds(), mailbox.bytes_received() - bytes);
  return outcome;
}

/// Takes in who lives.
void Office::hear() {
  auto const now = clock_.seconds();
  if (team_) team_->hear();
  while (world_.take<Alive>()) heard_reducer_ = now;
  if (top_.mailbox)
    while (auto alive = top_.mailbox->take<Alive>())
      heard_combiners_[static_cast<std::size_t>(alive->payload)] = now;
  for (std::size_t j = 0; j < groups_.size(); ++j) {
    auto& group = groups_[j];
    if (!group.mailbox) continue;
    while (auto alive = group.mailbox->take<Alive>()) {
      auto const rank = group.ranks[static_cast<std::size_t>(alive->from.value)];
      auto const child = child_of_rank(static_cast<int>(j), rank);
      if (combiners_[j]) combiners_[j]->heard[static_cast<std::size_t>(child)] = now;
    }
  }
}

bool Office::receive() {
  bool some = receive_from_combiners();
  for (std::size_t j = 0; j < groups_.size(); ++j)
    some = receive_from_clients(static_cast<int>(j)) || some;
  if (team_)
    while (auto job = team_->next_job()) {
      some = true;
      workshop_.take(std::move(*job), 0);
    }
  if (world_.take<Leave>()) left_ = true;
  hear();
  return some;
}

/// One task of the clients on this rank.
bool Office::work() {
  if (!workshop_.has_work()) return false;
  try {
    auto finished = workshop_.step([this] { beat(); });
    if (finished && (!team_ || team_->leads())) tell(std::move(*finished));
  } catch (TeamBroken const& why) {
    end_team(why);
  }
  return true;
}

void Office::tell(Workshop::Finished finished) {
  auto& outcome = finished.outcome;
  for (auto& report : outcome.reports) report.rank = comm_.rank().value;
  auto const c = static_cast<std::size_t>(outcome.combiner);
  if (roles_.combiners[c] == comm_.rank().value) {
    client_outcome(outcome.combiner, finished.sender, std::move(outcome));
  } else {
    if (roles_.reducer != comm_.rank().value)  // who counts its bytes itself
      outcome.bytes += newly_moved();
    groups_[c].mailbox->post<OutcomeChannel>(groups_[c].place(roles_.combiners[c]), outcome);
  }
}

bool Office::pump() {
  auto const received = receive();
  beat();
  look_for_lost();
  auto const worked = work();
  last_pump_ = clock_.seconds();
  if (received || worked)
    patience_.reset();
  else
    patience_.rest();
  return received || worked;
}

std::optional<Outcome> Office::next() {
  if (finished_.empty()) pump();
  if (finished_.empty()) return {};
  auto outcome = std::move(finished_.front());
  finished_.pop_front();
  return outcome;
}

Outcome Office::perform(Job job, std::function<void()> const& idle) {
  auto const id = job.id;
  submit(std::move(job));
  while (true) {
    auto const found = std::ranges::find(finished_, id, &Outcome::job);
    if (found != finished_.end()) {
      auto outcome = std::move(*found);
      finished_.erase(found);
      return outcome;
    }
    pump();
    if (idle) idle();
  }
}

// ---- for the record

std::uint64_t Office::bytes_sent() const {
  auto bytes = world_.bytes_sent();
  if (top_.mailbox) bytes += top_.mailbox->bytes_sent();
  for (auto const& group : groups_)
    if (group.mailbox) bytes += group.mailbox->bytes_sent();
  if (team_) bytes += team_->bytes_sent();
  return bytes;
}

/// Bytes since this was last asked, with those that came from others of the team.
std::uint64_t Office::newly_moved() {
  auto const bytes = bytes_sent() + (team_ ? team_->bytes_received() : 0);
  return bytes - std::exchange(told_bytes_, bytes);
}

comm::RankUse Office::use() const {
  comm::RankUse use;
  use.tasks = workshop_.tasks_done();
  use.comm_seconds = team_ ? team_->waited_seconds() : 0;
  use.busy_seconds = workshop_.busy_seconds() - use.comm_seconds;
  use.total_seconds = clock_.seconds();
  use.bytes_sent = bytes_sent();
  use.max_rss = max_resident_bytes();
  return use;
}

}  // namespace canopy::federate
