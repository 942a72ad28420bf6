#pragma once

#include <cstdint>

#include <mpi.h>

#include "canopy/core/clock.hpp"

#include "reduce/transfers.hpp"

namespace canopy::comm {

/// Carries out the transfers of one bucket by persistent requests, a step at each look. All
/// memory is taken at construction.
class Flow {
 public:
  /// `sums` are the arenas the transfers speak of; they outlive the flow.
  Flow(MPI_Comm comm, int tag, Transfers transfers, std::span<std::span<float> const> sums,
       Wire wire);
  Flow(Flow const&) = delete;
  Flow& operator=(Flow const&) = delete;
  ~Flow();

  void start();
  /// Does whatever can be done now; true when anything moved.
  bool advance();
  bool is_done() const;
  /// Whom we wait for first.
  Rank waits_for() const;
  double seconds() const { return seconds_; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  float* at(Place place);
  void make_requests(MPI_Comm comm, int tag);
  bool post_receives();
  bool take_arrivals();
  bool issue_sends();
  bool count_departures();
  void unpack(Receive const& receive, std::uint16_t const* halves);
  void pack(Send const& send, std::uint16_t* halves);

  Transfers transfers_;
  std::vector<std::span<float>> sums_;
  Wire wire_;
  std::vector<float> scratch_;
  std::vector<std::uint16_t> halves_;        ///< fp16: of all sends, then of all receives
  std::vector<std::size_t> halves_of_send_;  ///< where in `halves_` each begins
  std::vector<std::size_t> halves_of_receive_;
  std::vector<MPI_Request> send_requests_;
  std::vector<MPI_Request> receive_requests_;
  std::size_t posted_ = 0;    ///< receives posted,
  std::size_t received_ = 0;  ///< of them dealt with
  std::size_t issued_ = 0;    ///< sends begun,
  std::size_t left_ = 0;      ///< of them gone
  std::size_t added_ = 0;     ///< additions done
  std::uint64_t bytes_sent_ = 0;
  Stopwatch clock_;
  double seconds_ = 0;
};

}  // namespace canopy::comm
