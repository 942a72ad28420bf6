#pragma once

#include <string>
#include <string_view>

#include "canopy/core/random.hpp"

namespace canopy::federate {

/// When a client can be asked to take part, as a user writes it:
///     always
///     share:P[,SECONDS]     each interval of SECONDS (default 600) by itself with probability P
///     diurnal:PERIOD,SHARE  for SHARE of every PERIOD on end, from a moment that for most clients
///                           is near the middle of the period, as the night is for most phones
/// Times are virtual seconds from the start of the run. A client's intervals begin at a moment of
/// its own. A client that has begun a round goes on when its interval ends: who is lost in
/// mid-round is decided by drop-out alone.
class Availability {
 public:
  /// UserError that names --availability, what is wrong and what is expected.
  static Availability parse(std::string_view text);

  /// `client` is the client's key.
  bool holds(Key client, double time) const;
  /// The first time from `time` on at which it holds; `time` itself when it does.
  double next(Key client, double time) const;

 private:
  enum class Kind { always, share, diurnal };

  /// Time in intervals, counted from the client's own first.
  double position(Key client, double time) const;
  double phase(Key client) const;
  bool is_on(Key client, double interval) const;

  Kind kind_ = Kind::always;
  double share_ = 1;
  double seconds_ = 1;  ///< of an interval
};

}  // namespace canopy::federate
