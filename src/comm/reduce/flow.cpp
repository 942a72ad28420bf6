#include "reduce/flow.hpp"

#include "mpi_requests.hpp"
#include "reduce/add.hpp"
#include "reduce/half.hpp"

namespace canopy::comm {
Flow::Flow(MPI_Comm comm, int tag, Transfers transfers, std::span<std::span<float> const> sums,
           Wire wire)
    : transfers_{std::move(transfers)},
      sums_{sums.begin(), sums.end()},
      wire_{wire},
      scratch_(transfers_.scratch),
      posted_{transfers_.receives.size()},
      received_{transfers_.receives.size()},
      issued_{transfers_.sends.size()},
      left_{transfers_.sends.size()} {
  if (wire_ == Wire::fp16) {
    std::size_t size = 0;
    for (auto const& send : transfers_.sends)
      halves_of_send_.push_back(std::exchange(size, size + send.size));
    for (auto const& receive : transfers_.receives)
      halves_of_receive_.push_back(std::exchange(size, size + receive.size));
    halves_.resize(size);
  }
  make_requests(comm, tag);
}

void Flow::make_requests(MPI_Comm comm, int tag) {
  auto const type = wire_ == Wire::fp16 ? MPI_UINT16_T : MPI_FLOAT;
  for (std::size_t i = 0; i < transfers_.sends.size(); ++i) {
    auto const& send = transfers_.sends[i];
    void* const data = wire_ == Wire::fp16 ? static_cast<void*>(&halves_[halves_of_send_[i]])
                                           : static_cast<void*>(at(send.from));
    MPI_Send_init(data, static_cast<int>(send.size), type, send.peer, tag, comm,
                  &send_requests_.emplace_back());
  }
  for (std::size_t i = 0; i < transfers_.receives.size(); ++i) {
    auto const& receive = transfers_.receives[i];
    void* const data = wire_ == Wire::fp16 ? static_cast<void*>(&halves_[halves_of_receive_[i]])
                                           : static_cast<void*>(at(receive.to));
    MPI_Recv_init(data, static_cast<int>(receive.size), type, receive.peer, tag, comm,
                  &receive_requests_.emplace_back());
  }
}

Flow::~Flow() {
  for (std::size_t i = received_; i < posted_; ++i) MPI_Cancel(&receive_requests_[i]);
  for (auto& request : receive_requests_) MPI_Request_free(&request);
  for (auto& request : send_requests_) MPI_Request_free(&request);
}

float* Flow::at(Place place) {
  return (place.buffer == Place::scratch ? scratch_.data() : sums_[place.buffer].data()) +
         place.first;
}

void Flow::start() {
  clock_ = Stopwatch{};
  posted_ = received_ = issued_ = left_ = added_ = 0;
  seconds_ = 0;
  advance();
}

bool Flow::is_done() const {
  return received_ == receive_requests_.size() && left_ == send_requests_.size();
}

Rank Flow::waits_for() const {
  if (received_ < transfers_.receives.size()) return {transfers_.receives[received_].peer};
  return {transfers_.sends[left_].peer};
}

bool Flow::advance() {
  bool moved = false;
  for (bool again = true; again;) {
    again = post_receives();
    again = take_arrivals() || again;
    again = issue_sends() || again;
    again = count_departures() || again;
    moved = moved || again;
  }
  if (moved && is_done()) seconds_ = clock_.seconds();
  return moved;
}

/// All are posted as soon as MPI allows it: not before what lies there has been sent.
bool Flow::post_receives() {
  auto const before = posted_;
  while (posted_ < receive_requests_.size() && transfers_.receives[posted_].after <= left_)
    MPI_Start(&receive_requests_[posted_++]);
  return posted_ > before;
}

bool Flow::take_arrivals() {
  auto const before = received_;
  while (received_ < posted_ && comm::is_done(receive_requests_[received_])) {
    auto const& receive = transfers_.receives[received_];
    if (wire_ == Wire::fp16) unpack(receive, &halves_[halves_of_receive_[received_]]);
    for (; added_ < receive.additions; ++added_) {
      auto const& [to, a, b, size] = transfers_.additions[added_];
      add(at(to), at(a), at(b), size);
    }
    ++received_;
  }
  return received_ > before;
}

bool Flow::issue_sends() {
  auto const before = issued_;
  while (issued_ < send_requests_.size() && transfers_.sends[issued_].after <= received_) {
    auto const& send = transfers_.sends[issued_];
    if (wire_ == Wire::fp16) pack(send, &halves_[halves_of_send_[issued_]]);
    MPI_Start(&send_requests_[issued_++]);
    bytes_sent_ += send.size * (wire_ == Wire::fp16 ? sizeof(std::uint16_t) : sizeof(float));
  }
  return issued_ > before;
}

bool Flow::count_departures() {
  auto const before = left_;
  while (left_ < issued_ && comm::is_done(send_requests_[left_])) ++left_;
  return left_ > before;
}

void Flow::unpack(Receive const& receive, std::uint16_t const* halves) {
  from_half(halves, at(receive.to), receive.size);
}

/// A result is kept as it is sent, so that its owner ends with the same bits as the others.
void Flow::pack(Send const& send, std::uint16_t* halves) {
  to_half(at(send.from), halves, send.size);
  if (send.is_result) from_half(halves, at(send.from), send.size);
}

}  // namespace canopy::comm
