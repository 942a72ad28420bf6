#include "canopy/comm/mailbox.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mpi_requests.hpp"

namespace canopy::comm {

void Mailbox::post_bytes(Rank to, int tag, Bytes bytes) {
  if (bytes.size() > std::numeric_limits<int>::max())
    throw std::length_error{"a message of " + std::to_string(bytes.size()) +
                            " bytes is more than MPI 3 can send in one piece"};
  all_sent();
  bytes_sent_ += bytes.size();
  auto& message = outgoing_.emplace_back(to, tag, std::move(bytes));
  BOOST_MPI_CHECK_RESULT(MPI_Isend, (message.bytes.data(), static_cast<int>(message.bytes.size()),
                                     MPI_BYTE, to.value, tag, comm_.mpi(), &message.request));
}

/// Only the beginning of a long message is there when the probe sees it: the rest comes while both
/// ranks live, so nobody may wait for it.
void Mailbox::begin_receiving(int tag) {
  while (auto const status = comm_.mpi().iprobe(boost::mpi::any_source, tag)) {
    auto const size = *status->count<char>();
    auto& message =
        incoming_.emplace_back(Rank{status->source()}, tag, Bytes(static_cast<std::size_t>(size)));
    BOOST_MPI_CHECK_RESULT(MPI_Irecv, (message.bytes.data(), size, MPI_BYTE, message.peer.value,
                                       tag, comm_.mpi(), &message.request));
  }
}

std::optional<Received<Bytes>> Mailbox::take_bytes(int tag) {
  begin_receiving(tag);
  std::vector<Rank> unfinished;
  for (auto message = incoming_.begin(); message != incoming_.end(); ++message) {
    if (message->tag != tag || std::ranges::find(unfinished, message->peer) != unfinished.end())
      continue;
    if (!is_done(message->request)) {
      unfinished.push_back(message->peer);
      continue;
    }
    Received<Bytes> received{message->peer, std::move(message->bytes)};
    incoming_.erase(message);
    bytes_received_ += received.payload.size();
    return received;
  }
  return {};
}

bool Mailbox::all_sent() {
  outgoing_.remove_if([](Transfer& message) { return is_done(message.request); });
  return outgoing_.empty();
}

/// MPI may still read and write what a lost rank left unfinished.
Mailbox::~Mailbox() {
  static std::list<Transfer> abandoned;
  try {
    all_sent();
  } catch (boost::mpi::exception const&) {  // it stays with the others
  }
  abandoned.splice(abandoned.end(), outgoing_);
  abandoned.splice(abandoned.end(), incoming_);
}

}  // namespace canopy::comm
