#include "canopy/comm/communicator.hpp"

#include <algorithm>
#include <limits>

#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>

namespace canopy::comm {
namespace {

/// MPI counts are ints: longer messages go in pieces of this size.
constexpr std::size_t piece = std::size_t{1} << 30;

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
  comm_.barrier();
}

Bytes Communicator::broadcast_bytes(Bytes bytes) const {
  auto size = static_cast<std::uint64_t>(bytes.size());
  boost::mpi::broadcast(comm_, size, root.value);
  bytes.resize(size);
  for (std::size_t at = 0; at < size; at += piece)
    boost::mpi::broadcast(comm_, bytes.data() + at, static_cast<int>(std::min(piece, size - at)),
                          root.value);
  return bytes;
}

std::vector<Bytes> Communicator::gather_bytes(Bytes const& mine) const {
  std::vector<Bytes> all;
  if (is_root())
    boost::mpi::gather(comm_, mine, all, root.value);
  else
    boost::mpi::gather(comm_, mine, root.value);
  return all;
}

void Communicator::throw_if_any(Complaint const& mine) const {
  int const silent = size();
  int const first = boost::mpi::all_reduce(comm_, mine.code == 0 ? silent : rank().value,
                                           boost::mpi::minimum<int>{});
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
