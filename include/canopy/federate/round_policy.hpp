#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/core/options.hpp"
#include "canopy/federate/devices.hpp"

namespace canopy::federate {

/// When a synchronous round ends and whose updates it takes.
struct RoundPolicyOptions {
  std::string round_policy = "wait";  ///< wait (for everyone) | deadline
  double deadline = 0;                ///< virtual seconds, of `deadline`
  std::string late = "drop";          ///< who misses it: drop | partial | carry; see settle
  double over_selection = 1;          ///< select so many times the clients wanted
  int min_clients = 1;                ///< updates without which a round changes nothing

  /// One row for each field.
  void describe(Options& options);
  /// UserError when a field is out of range, two do not go together, or `min_clients` is more than
  /// the clients `wanted` in a round.
  void check(int wanted) const;
  /// How many clients to select when `wanted` are: over_selection x wanted, rounded up.
  int to_select(int wanted) const;
  friend bool operator==(RoundPolicyOptions const&, RoundPolicyOptions const&) = default;
};

/// A client that was selected for a round.
struct Dispatch {
  int client = 0;
  Trip trip = {};
  std::int64_t steps = 1;    ///< local steps of the whole trip
  bool is_available = true;  ///< at the beginning of the round
};

/// What became of a client's part in a round. The first three count.
enum class Fate { full, partial, carried, dropped_out, late, surplus, unavailable };

/// Whether the update is aggregated in the round of the row.
constexpr bool counts(Fate fate) {
  return fate <= Fate::carried;
}

struct Participant {
  int client = 0;
  std::int64_t round = 0;  ///< of the dispatch: for `carried`, an earlier one
  double begins = 0;       ///< virtual time, as `ends`
  double ends = 0;  ///< arrival of the update; of one that does not count, when it was given up
  Fate fate = Fate::full;
  double work = 1;             ///< share of its local steps that it does, by `ends`
  double received = 1;         ///< share of the download that takes place in the round of the row
  double sent = 1;             ///< and of the upload
  std::int64_t staleness = 0;  ///< rounds between dispatch and arrival
  friend bool operator==(Participant const&, Participant const&) = default;
};

/// The round to settle.
struct Round {
  std::int64_t number = 0;
  double begins = 0;  ///< virtual time
  int wanted = 0;     ///< clients whose updates are enough when more are selected
};

struct RoundOutcome {
  std::vector<Participant> participants;  ///< by client, then by round of dispatch
  std::vector<Participant> in_flight;     ///< late updates that have yet to arrive, of all rounds
  double seconds = 0;                     ///< virtual duration
  int counted = 0;                        ///< updates to aggregate
  bool enough = false;                    ///< at least min_clients of them
};

/// Who counts in a round and how long it lasts, known before anybody trains. All clients begin
/// together. The round ends when everyone has finished or dropped out (which the server notices at
/// once); when clients were over-selected (FedScale: by 1.3), as soon as `wanted` have finished,
/// and who is then still at work is `surplus`; at the latest at the deadline. Who misses it is
///     drop     `late`, and its work is lost;
///     partial  `partial`: it does as many of its steps as let it finish in time (FedProx, Li et
///              al. 2020, section 5.2), or `late` when not even one does;
///     carry    `late` and in flight: the update joins, as `carried` and with its staleness, the
///              round during which it arrives. Such clients should not be selected meanwhile.
/// A trip that drops is `dropped_out` whatever the policy. Of those who finish at the same time the
/// lower client number is taken. When nobody was available and nothing is in flight the round takes
/// 0 seconds: go on at Devices::next_available.
RoundOutcome settle(RoundPolicyOptions const& options, Round const& round,
                    std::span<Dispatch const> cohort, std::span<Participant const> in_flight = {});

/// UserError that names the fastest trip when no client can ever meet the deadline, with `partial`
/// not even by a single step. `carry` needs nobody to meet it. Drop-out is left aside.
void check_deadline(RoundPolicyOptions const& options, int clients,
                    std::function<Dispatch(int client)> const& dispatch);

/// In-flight updates for a checkpoint, and back.
NamedArrays to_arrays(std::span<Participant const> in_flight);
std::vector<Participant> in_flight_from(NamedArrays const& arrays);

}  // namespace canopy::federate

/// As the table /updates names them.
template <>
struct canopy::Names<canopy::federate::Fate> {
  static constexpr std::array value{"full", "partial", "carried",    "dropped_out",
                                    "late", "surplus", "unavailable"};
};
