#include "canopy/comm/communicator.hpp"

#include <algorithm>
#include <numeric>

#include <boost/mpi/collectives.hpp>

#include "watched.hpp"

namespace canopy::comm {
namespace {

/// MPI counts are ints: longer messages go in pieces of this size.
constexpr std::size_t piece = std::size_t{1} << 30;

std::size_t part_of(std::size_t size, std::size_t at, std::size_t most) {
  return at < size ? std::min(most, size - at) : 0;
}

/// At most `most` bytes of each rank, from `at` on; the root appends them to `all`.
void gather_piece(Communicator const& comm, Bytes const& mine,
                  std::vector<std::uint64_t> const& sizes, std::size_t at, std::size_t most,
                  std::vector<Bytes>& all) {
  std::vector<int> counts;
  for (auto const size : sizes) counts.push_back(static_cast<int>(part_of(size, at, most)));
  std::vector<int> starts(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), 0);
  Bytes received(comm.is_root() ? static_cast<std::size_t>(starts.back() + counts.back()) : 0);
  MPI_Request request = MPI_REQUEST_NULL;
  auto const count = part_of(mine.size(), at, most);
  BOOST_MPI_CHECK_RESULT(
      MPI_Igatherv,
      (count > 0 ? mine.data() + at : nullptr, static_cast<int>(count), MPI_BYTE, received.data(),
       counts.data(), starts.data(), MPI_BYTE, Communicator::root.value, comm.mpi(), &request));
  finish(comm, request, "gather");
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    auto const first = received.begin() + starts[rank];
    all[rank].insert(all[rank].end(), first, first + counts[rank]);
  }
}

}  // namespace

Communicator Communicator::world() {
  return Communicator{boost::mpi::communicator{}};
}

Communicator Communicator::duplicate() const {
  return Communicator{{static_cast<MPI_Comm>(comm_), boost::mpi::comm_duplicate}};
}

Communicator Communicator::split(int color) const {
  return Communicator{comm_.split(color)};
}

Communicator Communicator::split_by_node() const {
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, comm_.rank(), MPI_INFO_NULL, &node);
  return Communicator{{node, boost::mpi::comm_take_ownership}};
}

void Communicator::barrier() const {
  MPI_Request request = MPI_REQUEST_NULL;
  BOOST_MPI_CHECK_RESULT(MPI_Ibarrier, (comm_, &request));
  finish(*this, request, "barrier");
}

Bytes Communicator::broadcast_bytes(Bytes bytes) const {
  auto const send = [this](void* data, std::size_t count) {
    MPI_Request request = MPI_REQUEST_NULL;
    BOOST_MPI_CHECK_RESULT(MPI_Ibcast,
                           (data, static_cast<int>(count), MPI_BYTE, root.value, comm_, &request));
    finish(*this, request, "broadcast");
  };
  auto size = static_cast<std::uint64_t>(bytes.size());
  send(&size, sizeof size);
  bytes.resize(size);
  for (std::size_t at = 0; at < size; at += piece)
    send(bytes.data() + at, std::min(piece, size - at));
  return bytes;
}

std::vector<Bytes> Communicator::gather_bytes(Bytes const& mine) const {
  std::vector<std::uint64_t> sizes(static_cast<std::size_t>(size()));
  std::uint64_t const my_size = mine.size();
  MPI_Request request = MPI_REQUEST_NULL;
  BOOST_MPI_CHECK_RESULT(
      MPI_Iallgather, (&my_size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, comm_, &request));
  finish(*this, request, "gather");
  std::vector<Bytes> all(is_root() ? sizes.size() : 0);
  auto const share = piece / sizes.size();
  for (std::size_t at = 0; at < std::ranges::max(sizes); at += share)
    gather_piece(*this, mine, sizes, at, share, all);
  return all;
}

void Communicator::throw_if_any(Complaint const& mine) const {
  int const silent = size();
  int first = mine.code == 0 ? silent : rank().value;
  MPI_Request request = MPI_REQUEST_NULL;
  BOOST_MPI_CHECK_RESULT(MPI_Iallreduce,
                         (MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, comm_, &request));
  finish(*this, request, "end of a common step");
  if (first == silent) return;
  std::string text = mine.text;
  int code = mine.code;
  boost::mpi::broadcast(comm_, text, first);
  boost::mpi::broadcast(comm_, code, first);
  if (first != root.value) text = "rank " + std::to_string(first) + ": " + text;
  if (code == not_the_users_fault) throw std::runtime_error{text};
  throw UserError{text, static_cast<ExitCode>(code)};
}

}  // namespace canopy::comm
