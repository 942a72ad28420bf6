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
      patience_{std::chrono::microseconds{500}},
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
  combiners_[static_cast<std::size_t>(combiner)]->clients.begin(std::move(job));
}

void Office::give_to_client(int combiner, int child, Job part) {
  auto const c = static_cast<std::size_t>(combiner);
  auto const rank = rank_of_child(combiner, child);
  if (rank == comm_.rank().value)
    workshop_.take(std::move(part), child);
  else
    groups_[c].mailbox->post<JobChannel>(groups_[c].place(rank), part);
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
  auto& clients = combiners_[static_cast<std::size_t>(combiner)]->clients;
  if (auto whole = clients.add(child, std::move(part))) combined(combiner, std::move(*whole));
}

void Office::combined(int combiner, Outcome outcome) {
  outcome.combiner = combiner;
  if (roles_.reducer == comm_.rank().value) {
    outcome.lost = std::exchange(newly_found_, {});
    finished(std::move(outcome));
  } else {
    outcome.bytes += bytes_sent() - std::exchange(told_bytes_, bytes_sent());
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
    workshop_.take(std::move(job->payload), child_of_rank(combiner, comm_.rank().value));
  }
  while (auto outcome = group.mailbox->take<OutcomeChannel>()) {
    some = true;
    auto const rank = group.ranks[static_cast<std::size_t>(outcome->from.value)];
    auto const child = child_of_rank(combiner, rank);
    combiners_[static_cast<std::size_t>(combiner)]->heard[static_cast<std::size_t>(child)] =
        clock_.seconds();
    client_outcome(combiner, child, std::move(outcome->payload));
  }
  return some;
}

/// Takes in who lives.
void Office::hear() {
  auto const now = clock_.seconds();
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
  if (world_.take<Leave>()) left_ = true;
  hear();
  return some;
}

/// One task of the clients on this rank.
bool Office::work() {
  if (!workshop_.has_work()) return false;
  auto finished = workshop_.step([this] { beat(); });
  if (!finished) return true;
  auto& outcome = finished->outcome;
  for (auto& report : outcome.reports) report.rank = comm_.rank().value;
  auto const c = static_cast<std::size_t>(outcome.combiner);
  if (roles_.combiners[c] == comm_.rank().value) {
    client_outcome(outcome.combiner, finished->sender, std::move(outcome));
  } else {
    if (roles_.reducer != comm_.rank().value)  // who counts its bytes itself
      outcome.bytes += bytes_sent() - std::exchange(told_bytes_, bytes_sent());
    groups_[c].mailbox->post<OutcomeChannel>(groups_[c].place(roles_.combiners[c]), outcome);
  }
  return true;
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

// ---- lost ranks

/// Tells those who wait for this rank that it lives.
void Office::beat() {
  auto const now = clock_.seconds();
  if (now < next_beat_) return;
  next_beat_ = now + 0.5;
  auto const me = comm_.rank().value;
  for (std::size_t j = 0; j < groups_.size(); ++j) {
    auto const combiner = roles_.combiners[j];
    auto const& mine = roles_.client_ranks[j];
    if (combiner != me && std::ranges::find(mine, me) != mine.end())
      groups_[j].mailbox->post<Alive>(groups_[j].place(combiner), 0);
    if (combiner == me && roles_.reducer != me)
      top_.mailbox->post<Alive>(top_.place(roles_.reducer), static_cast<int>(j));
  }
  if (me == roles_.reducer)
    for (int rank = 0; rank < comm_.size(); ++rank)
      if (rank != me && std::ranges::find(lost_, rank) == lost_.end())
        world_.post<Alive>({rank}, 0);
}

/// Silence counts only while this rank listens.
void Office::look_for_lost() {
  auto const now = clock_.seconds();
  if (now - last_pump_ > 1) {
    auto const away = now - last_pump_;
    for (auto& combiner : combiners_)
      if (combiner)
        for (auto& heard : combiner->heard) heard += away;
    for (auto& heard : heard_combiners_) heard += away;
    heard_reducer_ += away;
  }
  for (auto& combiner : combiners_) {
    if (!combiner) continue;
    for (std::size_t child = 0; child < combiner->heard.size(); ++child)
      if (combiner->clients.awaits(static_cast<int>(child)) &&
          rank_of_child(combiner->number, static_cast<int>(child)) != comm_.rank().value &&
          now - combiner->heard[child] > lost_after)
        lose(*combiner, static_cast<int>(child));
  }
  if (comm_.rank().value == roles_.reducer)
    look_for_lost_combiners();
  else
    leave_if_reducer_is_lost();
}

void Office::lose(Combiner& combiner, int child) {
  newly_found_.push_back(rank_of_child(combiner.number, child));
  combiner.clients.lose(child);
}

void Office::look_for_lost_combiners() {
  for (std::size_t j = 0; j < roles_.combiners.size(); ++j) {
    auto const rank = roles_.combiners[j];
    if (rank == comm_.rank().value || !reducer_.awaits(static_cast<int>(j)) ||
        clock_.seconds() - heard_combiners_[j] <= lost_after)
      continue;
    lost_.push_back(rank);
    throw LostCombiner{
        fmt::format("combiner {} on rank {} was not heard of for {} s", j + 1, rank, lost_after)};
  }
}

void Office::leave_if_reducer_is_lost() const {
  if (left_ || clock_.seconds() - heard_reducer_ <= reducer_lost_after) return;
  fmt::print(stderr, "canopy: rank {} has not heard of the reducer for {} s and leaves\n",
             comm_.rank().value, reducer_lost_after);
  comm::Environment::leave(1);
}

std::vector<int> Office::newly_lost() {
  std::vector<int> result(lost_.begin() + static_cast<std::ptrdiff_t>(told_lost_), lost_.end());
  told_lost_ = lost_.size();
  return result;
}

// ---- the end

std::uint64_t Office::bytes_sent() const {
  auto bytes = world_.bytes_sent();
  if (top_.mailbox) bytes += top_.mailbox->bytes_sent();
  for (auto const& group : groups_)
    if (group.mailbox) bytes += group.mailbox->bytes_sent();
  return bytes;
}

comm::RankUse Office::use() const {
  comm::RankUse use;
  use.tasks = workshop_.tasks_done();
  use.busy_seconds = workshop_.busy_seconds();
  use.total_seconds = clock_.seconds();
  use.bytes_sent = bytes_sent();
  use.max_rss = max_resident_bytes();
  return use;
}

void Office::serve() {
  try {
    while (!left_) pump();
    say_goodbye();
  } catch (std::exception const& e) {  // nobody must wait for this rank
    fmt::print(stderr, "canopy: rank {} on {} failed: {}\n", comm_.rank().value, comm::host_name(),
               e.what());
    comm::Environment::abort(1);
  }
}

/// Everybody goes on taking messages until all have said goodbye, so that none is left waiting to
/// get rid of one - but for those to a rank that is lost.
void Office::say_goodbye() {
  for (Stopwatch const clock; !all_sent() && clock.seconds() < 5;) forget_messages();
  world_.post<Goodbye>({roles_.reducer}, use());
  Stopwatch const clock;
  while (true) {
    forget_messages();
    if (auto const farewell = world_.take<Farewell>()) {
      if (farewell->payload != 0) comm::Environment::leave(0);
      return;
    }
    if (clock.seconds() > 2 * reducer_lost_after) comm::Environment::leave(1);
  }
}

void Office::forget_messages() {
  bool some = false;
  auto const forget = [&](comm::Mailbox* mailbox) {
    if (mailbox == nullptr) return;
    some = mailbox->take<JobChannel>() || some;
    some = mailbox->take<OutcomeChannel>() || some;
    some = mailbox->take<Alive>() || some;
  };
  forget(&world_);
  forget(top_.mailbox.get());
  for (auto const& group : groups_) forget(group.mailbox.get());
  if (some)
    patience_.reset();
  else
    patience_.rest();
}

bool Office::all_sent() {
  bool all = world_.all_sent();
  if (top_.mailbox) all = top_.mailbox->all_sent() && all;
  for (auto const& group : groups_)
    if (group.mailbox) all = group.mailbox->all_sent() && all;
  return all;
}

std::vector<comm::RankUse> Office::shut_down() {
  if (left_) return uses_;
  left_ = true;
  auto const me = comm_.rank().value;
  std::vector<int> silent;
  for (int rank = 0; rank < comm_.size(); ++rank)
    if (rank != me && std::ranges::find(lost_, rank) == lost_.end()) silent.push_back(rank);
  auto const there = silent;
  for (auto const rank : there) world_.post<Leave>({rank}, 0);
  uses_.resize(static_cast<std::size_t>(comm_.size()));
  uses_[static_cast<std::size_t>(me)] = use();
  for (Stopwatch const clock; !silent.empty() && clock.seconds() < reducer_lost_after;) {
    forget_messages();
    while (auto goodbye = world_.take<Goodbye>()) {
      uses_[static_cast<std::size_t>(goodbye->from.value)] = goodbye->payload;
      std::erase(silent, goodbye->from.value);
    }
  }
  lost_.insert(lost_.end(), silent.begin(), silent.end());
  for (auto const rank : there) world_.post<Farewell>({rank}, has_lost_ranks() ? 1 : 0);
  for (Stopwatch const clock; !world_.all_sent() && clock.seconds() < 1;) patience_.rest();
  return uses_;
}

}  // namespace canopy::federate
