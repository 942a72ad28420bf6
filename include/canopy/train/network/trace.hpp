#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "canopy/comm/communicator.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/table.hpp"

namespace canopy::train {

/// What a rank does in a stretch of time.
enum class Doing : std::uint8_t { forward, backward, weights, update, sums, message };

/// When a rank did what: for people who want to see where the time goes. Recording takes two looks
/// at the clock; nothing is recorded unless it is switched on, and nothing beyond `most` spans.
class Trace {
 public:
  struct Span {
    Doing doing;
    std::int32_t number;  ///< of the shard or the update; of messages to servers: shards so far
    double begin;         ///< seconds by this rank's clock
    double end;
  };

  explicit Trace(bool on = false, std::size_t most = 200'000) : most_{on ? most : 0} {}

  bool is_on() const { return most_ > 0; }
  double now() const { return clock_.seconds(); }
  void add(Doing doing, std::int64_t number, double begin) {
    if (spans_.size() < most_)
      spans_.push_back({doing, static_cast<std::int32_t>(number), begin, now()});
  }
  std::vector<Span> const& spans() const { return spans_; }

 private:
  Stopwatch clock_;
  std::size_t most_;
  std::vector<Span> spans_;
};

/// Collective. Seconds that each rank's clock is ahead of the root's, on the root: of some round
/// trips the quickest one, halved (Cristian 1989).
std::vector<double> clock_offsets(comm::Communicator const& comm, Trace const& trace);

/// Collective. The spans of all ranks by the root's clock, on the root.
std::vector<std::vector<Trace::Span>> gather_spans(comm::Communicator const& comm,
                                                   Trace const& trace);

/// On the root. Spans by rank in Chrome's trace event format, which chrome://tracing and Perfetto
/// show: one process for each rank. UserError when the file cannot be written.
void write_trace(std::vector<std::vector<Trace::Span>> const& spans,
                 std::filesystem::path const& file);

/// The table /trace: rank, doing, number, begin, end (seconds from its first span) of the last
/// `updates` updates of every rank, each of which begins with a pass over the rank's first shard.
Table trace_table(std::vector<std::vector<Trace::Span>> const& spans, int updates);

}  // namespace canopy::train
