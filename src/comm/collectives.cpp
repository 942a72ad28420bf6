#include "canopy/comm/collectives.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "watched.hpp"

namespace canopy::comm {
namespace {

/// MPI counts are ints: longer messages go in pieces.
constexpr std::size_t piece = std::size_t{1} << 28;

/// Calls `send(at, count)` for the pieces of `size` elements.
template <class Send>
void in_pieces(std::size_t size, Send send) {
  for (std::size_t at = 0; at < size; at += piece)
    send(at, static_cast<int>(std::min(piece, size - at)));
}

std::vector<std::uint64_t> sizes_to_come(Communicator const& comm, std::vector<Bytes> const& to) {
  std::vector<std::uint64_t> sent;
  for (auto const& bytes : to) sent.push_back(bytes.size());
  std::vector<std::uint64_t> received(sent.size());
  MPI_Alltoall(sent.data(), 1, MPI_UINT64_T, received.data(), 1, MPI_UINT64_T, comm.mpi());
  return received;
}

/// Sends to one rank and receives from another at the same time.
void send_receive(Communicator const& comm, int to, Bytes const& sent, int from, Bytes& received) {
  constexpr int tag = 0;
  std::vector<MPI_Request> requests;
  in_pieces(received.size(), [&](std::size_t at, int count) {
    MPI_Irecv(received.data() + at, count, MPI_BYTE, from, tag, comm.mpi(),
              &requests.emplace_back());
  });
  in_pieces(sent.size(), [&](std::size_t at, int count) {
    MPI_Isend(sent.data() + at, count, MPI_BYTE, to, tag, comm.mpi(), &requests.emplace_back());
  });
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

}  // namespace

void sum_in_place(Communicator const& comm, std::span<std::uint32_t> numbers) {
  if (comm.size() == 1) return;
  in_pieces(numbers.size(), [&](std::size_t at, int count) {
    MPI_Allreduce(MPI_IN_PLACE, numbers.data() + at, count, MPI_UINT32_T, MPI_SUM, comm.mpi());
  });
}

std::vector<Bytes> all_to_all(Communicator const& comm, std::vector<Bytes> to) {
  auto const size = comm.size();
  auto const me = comm.rank().value;
  assert(std::ssize(to) == size);
  auto const sizes = sizes_to_come(comm, to);
  std::vector<Bytes> received(to.size());
  received[static_cast<std::size_t>(me)] = std::move(to[static_cast<std::size_t>(me)]);
  // In step k everyone sends k ranks ahead, so no one is sent to by two at once.
  for (int k = 1; k < size; ++k) {
    auto const ahead = (me + k) % size;
    auto const behind = static_cast<std::size_t>((me - k + size) % size);
    received[behind].resize(sizes[behind]);
    auto& sent = to[static_cast<std::size_t>(ahead)];
    send_receive(comm, ahead, sent, static_cast<int>(behind), received[behind]);
    Bytes{}.swap(sent);
  }
  return received;
}

std::vector<Bytes> all_gather(Communicator const& comm, Bytes mine) {
  std::uint64_t const size = mine.size();
  std::vector<std::uint64_t> sizes(static_cast<std::size_t>(comm.size()));
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallgather(&size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, comm.mpi(), &request);
  finish(comm, request, "all-gather");
  auto const me = comm.rank().value;
  std::vector<Bytes> all(sizes.size());
  for (int r = 0; r < comm.size(); ++r) {
    auto& bytes = all[static_cast<std::size_t>(r)];
    if (r == me) bytes = std::move(mine);
    bytes.resize(sizes[static_cast<std::size_t>(r)]);
    in_pieces(bytes.size(), [&](std::size_t at, int count) {
      MPI_Ibcast(bytes.data() + at, count, MPI_BYTE, r, comm.mpi(), &request);
      finish(comm, request, "all-gather");
    });
  }
  return all;
}

Bytes scatter(Communicator const& comm, std::function<Bytes(int rank)> const& make) {
  constexpr int tag = 0;
  if (!comm.is_root()) {
    std::uint64_t size = 0;
    MPI_Recv(&size, 1, MPI_UINT64_T, comm.root.value, tag, comm.mpi(), MPI_STATUS_IGNORE);
    Bytes bytes(size);
    in_pieces(size, [&](std::size_t at, int count) {
      MPI_Recv(bytes.data() + at, count, MPI_BYTE, comm.root.value, tag, comm.mpi(),
               MPI_STATUS_IGNORE);
    });
    return bytes;
  }
  for (int rank = 1; rank < comm.size(); ++rank) {
    auto const bytes = make(rank);
    std::uint64_t const size = bytes.size();
    MPI_Send(&size, 1, MPI_UINT64_T, rank, tag, comm.mpi());
    in_pieces(size, [&](std::size_t at, int count) {
      MPI_Send(bytes.data() + at, count, MPI_BYTE, rank, tag, comm.mpi());
    });
  }
  return make(comm.root.value);
}

}  // namespace canopy::comm
