#include "canopy/comm/pipe.hpp"

#include <cassert>

#include "mpi_requests.hpp"

namespace canopy::comm {

Inlet::Inlet(Communicator comm, Rank from, Lane lane, std::vector<std::span<float>> buffers,
             std::string what, Pulse& pulse)
    : comm_{std::move(comm)},
      what_{std::move(what)},
      pulse_{pulse},
      from_{pulse.rank_here(comm_, from)},
      buffers_{std::move(buffers)},
      requests_(buffers_.size()) {
  assert(!buffers_.empty());
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    MPI_Recv_init(buffers_[i].data(), static_cast<int>(buffers_[i].size()), MPI_FLOAT, from.value,
                  lane.tag, comm_.mpi(), &requests_[i]);
    MPI_Start(&requests_[i]);
  }
}

Inlet::~Inlet() {
  for (auto message = taken_ + (here_ ? 1 : 0); message < released_ + buffers_.size(); ++message)
    MPI_Cancel(&requests_[message % buffers_.size()]);
  for (auto& request : requests_) MPI_Request_free(&request);
}

bool Inlet::poll() {
  if (!here_ && taken_ < released_ + buffers_.size())
    here_ = is_done(requests_[taken_ % buffers_.size()]);
  return here_;
}

std::span<float> Inlet::take() {
  assert(taken_ < released_ + buffers_.size());  // else all buffers are in use, and none can come
  pulse_.wait_until([this] { return poll(); }, from_, what_);
  here_ = false;
  return buffers_[taken_++ % buffers_.size()];
}

void Inlet::release() {
  assert(released_ < taken_);
  MPI_Start(&requests_[released_++ % buffers_.size()]);
}

Outlet::Outlet(Communicator comm, Rank to, Lane lane, std::vector<std::span<float>> buffers,
               std::string what, Pulse& pulse)
    : comm_{std::move(comm)},
      what_{std::move(what)},
      pulse_{pulse},
      to_{pulse.rank_here(comm_, to)},
      buffers_{std::move(buffers)},
      requests_(buffers_.size()) {
  assert(!buffers_.empty());
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    MPI_Send_init(buffers_[i].data(), static_cast<int>(buffers_[i].size()), MPI_FLOAT, to.value,
                  lane.tag, comm_.mpi(), &requests_[i]);
}

Outlet::~Outlet() {
  for (auto& request : requests_) MPI_Request_free(&request);
}

std::span<float> Outlet::next() {
  if (sent_ >= buffers_.size()) wait_until_left(sent_ - buffers_.size() + 1);
  return buffers_[sent_ % buffers_.size()];
}

void Outlet::send() {
  assert(sent_ < left_ + buffers_.size());  // `next` comes first
  MPI_Start(&requests_[sent_++ % buffers_.size()]);
}

bool Outlet::poll() {
  while (left_ < sent_ && is_done(requests_[left_ % buffers_.size()])) ++left_;
  return left_ == sent_;
}

void Outlet::wait() {
  wait_until_left(sent_);
}

void Outlet::wait_until_left(std::size_t messages) {
  pulse_.wait_until([&] { return poll() || left_ >= messages; }, to_, what_);
}

}  // namespace canopy::comm
