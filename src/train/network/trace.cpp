#include "canopy/train/network/trace.hpp"

#include <array>
#include <fstream>
#include <limits>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/patience.hpp"
#include "canopy/core/error.hpp"

namespace canopy::train {
namespace {

constexpr int round_trips = 16;

using Ping = comm::Channel<double, 1>;
using Pong = comm::Channel<double, 2>;

template <class C>
double receive(comm::Mailbox& mailbox) {
  for (comm::Patience patience;; patience.rest())
    if (auto const message = mailbox.take<C>()) return message->payload;
}

double ahead(comm::Mailbox& mailbox, Trace const& trace, comm::Rank rank) {
  auto quickest = std::numeric_limits<double>::infinity();
  double offset = 0;
  for (int trip = 0; trip < round_trips; ++trip) {
    auto const sent = trace.now();
    mailbox.post<Ping>(rank, sent);
    auto const theirs = receive<Pong>(mailbox);
    auto const back = trace.now();
    if (back - sent >= quickest) continue;
    quickest = back - sent;
    offset = theirs - (sent + back) / 2;
  }
  return offset;
}

char const* name_of(Doing doing) {
  static constexpr std::array names{"forward", "backward",      "weights' gradient",
                                    "update",  "wait for sums", "wait for a message"};
  return names.at(static_cast<std::size_t>(doing));
}

}  // namespace

std::vector<double> clock_offsets(comm::Communicator const& comm, Trace const& trace) {
  comm::Mailbox mailbox{comm.duplicate()};
  std::vector<double> offsets(static_cast<std::size_t>(comm.is_root() ? comm.size() : 0));
  if (comm.is_root()) {
    for (int rank = 1; rank < comm.size(); ++rank)
      offsets[static_cast<std::size_t>(rank)] = ahead(mailbox, trace, {rank});
  } else {
    for (int trip = 0; trip < round_trips; ++trip) {
      receive<Ping>(mailbox);
      mailbox.post<Pong>(comm::Communicator::root, trace.now());
    }
  }
  while (!mailbox.all_sent()) {
  }
  comm.barrier();
  return offsets;
}

void write_trace(comm::Communicator const& comm, Trace const& trace,
                 std::filesystem::path const& file) {
  auto const offsets = clock_offsets(comm, trace);
  auto const all = comm.gather(trace.spans());
  comm.together("trace", [&] {
    if (!comm.is_root()) return;
    std::ofstream out{file};
    out << "[\n";
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      fmt::print(out,
                 "{}{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{},\"args\":{{\"name\":"
                 "\"rank {}\"}}}}",
                 rank == 0 ? "" : ",\n", rank, rank);
      for (auto const& span : all[rank])
        fmt::print(out,
                   ",\n{{\"name\":\"{}\",\"ph\":\"X\",\"pid\":{},\"tid\":0,\"ts\":{:.1f},"
                   "\"dur\":{:.1f},\"args\":{{\"number\":{}}}}}",
                   name_of(span.doing), rank, 1e6 * (span.begin - offsets[rank]),
                   1e6 * (span.end - span.begin), span.number);
    }
    out << "\n]\n";
    out.close();
    if (!out)
      throw UserError{"--trace " + file.string() + ": cannot be written; give another name"};
  });
}

}  // namespace canopy::train
