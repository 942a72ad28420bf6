#include "canopy/train/network/trace.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <ostream>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "canopy/comm/mailbox.hpp"
#include "canopy/comm/patience.hpp"
#include "canopy/core/output_file.hpp"

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

void print(std::vector<std::vector<Trace::Span>> const& spans, std::ostream& out) {
  out << "[\n";
  for (std::size_t rank = 0; rank < spans.size(); ++rank) {
    fmt::print(out,
               "{}{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{},\"args\":{{\"name\":"
               "\"rank {}\"}}}}",
               rank == 0 ? "" : ",\n", rank, rank);
    for (auto const& span : spans[rank])
      fmt::print(out,
                 ",\n{{\"name\":\"{}\",\"ph\":\"X\",\"pid\":{},\"tid\":0,\"ts\":{:.1f},"
                 "\"dur\":{:.1f},\"args\":{{\"number\":{}}}}}",
                 name_of(span.doing), rank, 1e6 * span.begin, 1e6 * (span.end - span.begin),
                 span.number);
  }
  out << "\n]\n";
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

std::vector<std::vector<Trace::Span>> gather_spans(comm::Communicator const& comm,
                                                   Trace const& trace) {
  auto const offsets = clock_offsets(comm, trace);
  auto all = comm.gather(trace.spans());
  for (std::size_t rank = 0; rank < all.size(); ++rank)
    for (auto& span : all[rank]) span.begin -= offsets[rank], span.end -= offsets[rank];
  return all;
}

void write_trace(std::vector<std::vector<Trace::Span>> const& spans,
                 std::filesystem::path const& file) {
  write_text(file, [&](std::ostream& out) { print(spans, out); });
}

namespace {

/// When the last `updates` updates began on a rank with these spans.
double begin_of_last(std::vector<Trace::Span> const& spans, int updates) {
  auto const is_pass = [](Trace::Span const& span) { return span.doing == Doing::forward; };
  auto const first = std::ranges::find_if(spans, is_pass);
  auto begin = std::numeric_limits<double>::infinity();
  for (auto span = spans.rbegin(); span != spans.rend() && updates > 0; ++span)
    if (is_pass(*span) && span->number == first->number) begin = span->begin, --updates;
  return begin;
}

}  // namespace

Table trace_table(std::vector<std::vector<Trace::Span>> const& spans, int updates) {
  Table table{"trace"};
  table.column("rank", Table::Type::integer).column("doing", Table::Type::text);
  table.column("number", Table::Type::integer);
  table.column("begin", Table::Type::real).column("end", Table::Type::real);
  std::vector<double> begins;
  for (auto const& of_rank : spans) begins.push_back(begin_of_last(of_rank, updates));
  auto const start = std::ranges::min(begins);
  for (std::size_t rank = 0; rank < spans.size(); ++rank)
    for (auto const& span : spans[rank])
      if (span.begin >= begins[rank])
        table.add({static_cast<std::int64_t>(rank), name_of(span.doing), std::int64_t{span.number},
                   span.begin - start, span.end - start});
  return table;
}

}  // namespace canopy::train
