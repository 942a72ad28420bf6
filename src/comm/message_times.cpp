#include "canopy/comm/message_times.hpp"

#include <algorithm>

#include "canopy/core/clock.hpp"

namespace canopy::comm {
namespace {

constexpr std::size_t piece = 64'000;  // of an exchange: below Open MPI's eager limit over TCP
constexpr int least_rounds = 5;
constexpr int most_rounds = 1000;
constexpr int warm_ups = 2;

/// One end of a wire.
class End {
 public:
  End(Communicator const& comm, Rank first, Rank second, std::size_t bytes)
      : comm_{comm.mpi()},
        is_first_{comm.rank() == first},
        peer_{is_first_ ? second.value : first.value},
        out_(bytes),
        in_(bytes) {}

  bool is_first() const { return is_first_; }

  void ping_pong() {
    if (is_first_) send();
    receive();
    if (!is_first_) send();
  }

  void exchange() {
    requests_.clear();
    for (std::size_t begin = 0; begin < std::max<std::size_t>(out_.size(), 1); begin += piece) {
      auto const count = static_cast<int>(std::min(piece, out_.size() - begin));
      MPI_Irecv(in_.data() + begin, count, MPI_BYTE, peer_, 0, comm_, &requests_.emplace_back());
      MPI_Isend(out_.data() + begin, count, MPI_BYTE, peer_, 0, comm_, &requests_.emplace_back());
    }
    MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
  }

  /// The first one's number, on both.
  int agree(int number) {
    if (is_first_)
      MPI_Send(&number, 1, MPI_INT, peer_, 1, comm_);
    else
      MPI_Recv(&number, 1, MPI_INT, peer_, 1, comm_, MPI_STATUS_IGNORE);
    return number;
  }

 private:
  void send() { MPI_Send(out_.data(), static_cast<int>(out_.size()), MPI_BYTE, peer_, 0, comm_); }
  void receive() {
    MPI_Recv(in_.data(), static_cast<int>(in_.size()), MPI_BYTE, peer_, 0, comm_,
             MPI_STATUS_IGNORE);
  }

  MPI_Comm comm_;
  bool is_first_;
  int peer_;
  std::vector<char> out_;
  std::vector<char> in_;
  std::vector<MPI_Request> requests_;
};

double one_round(End& end, Ways ways) {
  Stopwatch const clock;
  if (ways == Ways::both) {
    end.exchange();
    return clock.seconds();
  }
  end.ping_pong();
  return clock.seconds() / 2;
}

MessageTime time_size(End& end, Ways ways, std::size_t bytes, double seconds) {
  double warm = 0;
  for (int i = 0; i < warm_ups; ++i) warm = one_round(end, ways);
  auto const wanted = seconds / std::max(warm, 1e-7);
  auto const rounds =
      end.agree(static_cast<int>(std::clamp<double>(wanted, least_rounds, most_rounds)));
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) times.push_back(one_round(end, ways));
  std::ranges::sort(times);
  return {bytes, times[times.size() / 2], times.front(), times.back()};
}

}  // namespace

std::vector<MessageTime> time_messages(Communicator const& comm, Rank first, Rank second, Ways ways,
                                       std::span<std::size_t const> sizes, double seconds) {
  auto const own = comm.duplicate();
  std::vector<MessageTime> times;
  if (own.rank() == first || own.rank() == second)
    for (auto const bytes : sizes) {
      End end{own, first, second, bytes};
      times.push_back(time_size(end, ways, bytes, seconds));
    }
  auto const all = own.gather(times);
  return own.broadcast(own.is_root() ? all[static_cast<std::size_t>(first.value)]
                                     : std::vector<MessageTime>{});
}

}  // namespace canopy::comm
