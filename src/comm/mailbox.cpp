#include "canopy/comm/mailbox.hpp"

#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace canopy::comm {

void Mailbox::post_bytes(Rank to, int tag, Bytes bytes) {
  if (bytes.size() > std::numeric_limits<int>::max())
    throw std::length_error{"a message of " + std::to_string(bytes.size()) +
                            " bytes is more than MPI 3 can send in one piece"};
  all_sent();
  bytes_sent_ += bytes.size();
  auto& message = outgoing_.emplace_back(std::move(bytes));
  message.request = comm_.mpi().isend(to.value, tag, message.bytes.data(),
                                      static_cast<int>(message.bytes.size()));
}

std::optional<Received<Bytes>> Mailbox::take_bytes(int tag) {
  auto const status = comm_.mpi().iprobe(boost::mpi::any_source, tag);
  if (!status) return {};
  Received<Bytes> message{{status->source()},
                          Bytes(static_cast<std::size_t>(*status->count<char>()))};
  comm_.mpi().recv(status->source(), tag, message.payload.data(),
                   static_cast<int>(message.payload.size()));
  bytes_received_ += message.payload.size();
  return message;
}

bool Mailbox::all_sent() {
  outgoing_.remove_if([](Outgoing& message) { return message.request.test().has_value(); });
  return outgoing_.empty();
}

}  // namespace canopy::comm
