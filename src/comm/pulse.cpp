#include "canopy/comm/pulse.hpp"

#include <algorithm>
#include <cassert>
#include <exception>
#include <string>

#include "mpi_requests.hpp"

namespace canopy::comm {
namespace {

constexpr int tag = 0;
constexpr int words = 2;              // of a sign
constexpr double interval = 1;        // seconds between beats
constexpr double look_again = 1e-3;   // seconds between looks
constexpr double leaving = 10;        // seconds at most, whatever the time-out
constexpr double longest_step = 0.3;  // seconds between two questions that count as asking

}  // namespace

Pulse::Pulse(Communicator const& comm, double timeout, std::vector<Rank> peers)
    : comm_{comm.duplicate()}, timeout_{timeout}, place_of_(static_cast<std::size_t>(comm.size())) {
  if (peers.empty())
    for (int rank = 0; rank < comm.size(); ++rank)
      if (rank != comm.rank().value) peers.push_back({rank});
  peers_.resize(peers.size());
  for (std::size_t i = 0; i < peers.size(); ++i) {
    peers_[i].rank = peers[i];
    place_of_[static_cast<std::size_t>(peers[i].value)] = i;
  }
}

/// Signs that nobody takes would meet the next communicator that MPI gives the same number. So all
/// tell that they leave, also after a loss: who is really lost has ended the program before this.
Pulse::~Pulse() {
  Stopwatch const clock;
  auto const leaves_together = std::uncaught_exceptions() == 0;
  auto const is_there = [](Peer const& peer) { return peer.settled > 0; };
  try {
    for (auto& peer : peers_) {
      while (leaves_together && !is_done(peer.notice_request) && clock.seconds() < leaving) {
      }
      if (!leaves_together || !is_done(peer.notice_request)) continue;
      peer.notice = {last, 0};
      MPI_Isend(&peer.notice, words, MPI_INT64_T, peer.rank.value, tag, comm_.mpi(),
                &peer.notice_request);
    }
    for (Patience patience; leaves_together && clock.seconds() < leaving; patience.rest()) {
      listen();
      if (std::ranges::all_of(peers_, is_there)) break;
    }
  } catch (boost::mpi::exception const&) {  // a sign that failed is not worth the process
  }
  for (auto& peer : peers_) {
    let_go(peer.beat_request);
    let_go(peer.notice_request);
  }
}

Rank Pulse::rank_here(Communicator const& other, Rank rank) const {
  MPI_Group theirs = MPI_GROUP_NULL;
  MPI_Group ours = MPI_GROUP_NULL;
  MPI_Comm_group(other.mpi(), &theirs);
  MPI_Comm_group(comm_.mpi(), &ours);
  Rank here;
  MPI_Group_translate_ranks(theirs, 1, &rank.value, ours, &here.value);
  MPI_Group_free(&theirs);
  MPI_Group_free(&ours);
  assert(here.value != MPI_UNDEFINED);
  return here;
}

void Pulse::start() {
  listen();
  for (auto& peer : peers_) heard(peer);
}

void Pulse::beat() {
  auto const now = clock_.seconds();
  if (now - last_beat_ < std::min(interval, timeout_ / 4)) return;
  last_beat_ = now;
  listen();
  for (auto& peer : peers_)
    // One that does not take its signs needs no more of them.
    if (is_done(peer.beat_request))
      MPI_Isend(&peer.beat, words, MPI_INT64_T, peer.rank.value, tag, comm_.mpi(),
                &peer.beat_request);
}

void Pulse::listen() {
  while (auto const status = comm_.mpi().iprobe(boost::mpi::any_source, tag)) {
    Sign sign{};
    MPI_Recv(&sign, words, MPI_INT64_T, status->source(), tag, comm_.mpi(), MPI_STATUS_IGNORE);
    auto& peer = peer_of({status->source()});
    heard(peer);
    if (sign.kind == last) ++peer.settled;
    if (sign.kind == lost) lost_ = Rank{static_cast<int>(sign.rank)};
  }
}

void Pulse::heard(Peer& peer) {
  peer.asked_in_vain = 0;
  peer.asked_last = clock_.seconds();
}

void Pulse::check(Rank rank, std::string_view awaited) {
  auto& peer = peer_of(rank);
  auto const now = clock_.seconds();
  auto const step = now - peer.asked_last;
  if (step < look_again) return;
  peer.asked_last = now;
  peer.asked_in_vain += std::min(step, longest_step);
  listen();
  if (lost_) give_up(*lost_, awaited);
  if (peer.asked_in_vain > timeout_) give_up(rank, awaited);
}

void Pulse::tell(Peer& peer, Sign notice) {
  wait_until([&] { return is_done(peer.notice_request); }, peer.rank, "an earlier sign of life");
  peer.notice = notice;
  MPI_Isend(&peer.notice, words, MPI_INT64_T, peer.rank.value, tag, comm_.mpi(),
            &peer.notice_request);
}

/// Others may wait for us, or for those who do: they are to know whom to blame.
void Pulse::give_up(Rank who, std::string_view awaited) {
  if (!lost_) {
    lost_ = who;
    for (auto& peer : peers_)
      if (is_done(peer.notice_request)) tell(peer, {lost, who.value});
  }
  throw LostPeer{who, std::string{awaited}, timeout_};
}

void Pulse::settle() {
  start();
  for (auto& peer : peers_) tell(peer, {last, 0});
  for (auto& peer : peers_) {
    wait_until([&] { return listen(), peer.settled > 0; }, peer.rank, "end of an epoch");
    --peer.settled;
  }
}

}  // namespace canopy::comm
