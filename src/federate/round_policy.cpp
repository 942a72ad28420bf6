#include "canopy/federate/round_policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <fmt/format.h>

namespace canopy::federate {
namespace {

/// Shares of a trip that are done.
struct Progress {
  double received = 0;
  double work = 0;
  double sent = 0;
};

double share(double elapsed, double whole) {
  return whole > 0 ? std::clamp(elapsed / whole, 0.0, 1.0) : (elapsed >= 0 ? 1.0 : 0.0);
}

Progress progress(Trip const& trip, double elapsed) {
  return {share(elapsed, trip.download), share(elapsed - trip.download, trip.train),
          share(elapsed - trip.download - trip.train, trip.upload)};
}

/// What one client would do if nobody else took part.
struct Course {
  Dispatch const* dispatch;
  double seconds;  ///< until it has finished or is lost
  double work = 1;
  bool finishes = true;  ///< by the deadline
};

double limit_of(RoundPolicyOptions const& options) {
  return options.round_policy == "deadline" ? options.deadline
                                            : std::numeric_limits<double>::infinity();
}

/// The whole steps that let a client finish in `limit` seconds.
std::int64_t steps_within(double limit, Dispatch const& dispatch) {
  auto const& [download, train, upload, drops, dropped_after] = dispatch.trip;
  auto const seconds = limit - download - upload;
  if (seconds < 0) return 0;
  auto const steps = static_cast<double>(dispatch.steps);
  // A step that ends at the limit counts, whatever the rounding of the quotient.
  return static_cast<std::int64_t>(std::min(steps, std::floor(seconds / train * steps + 1e-9)));
}

Course course_of(RoundPolicyOptions const& options, Dispatch const& dispatch) {
  auto const& trip = dispatch.trip;
  auto const limit = limit_of(options);
  if (trip.drops) return {.dispatch = &dispatch, .seconds = trip.dropped_after, .finishes = false};
  Course course{.dispatch = &dispatch, .seconds = trip.total()};
  course.finishes = course.seconds <= limit;
  if (course.finishes || options.late != "partial") return course;
  auto const steps = steps_within(limit, dispatch);
  if (steps == 0) return course;
  course.work = static_cast<double>(steps) / static_cast<double>(dispatch.steps);
  course.seconds = std::min(limit, trip.download + course.work * trip.train + trip.upload);
  course.finishes = true;
  return course;
}

/// How a round ends, in seconds from its beginning.
struct Close {
  double seconds = 0;
  bool is_full = false;  ///< by the last of the updates that were wanted
  int last = -1;         ///< the client that this was
};

Close close_of(RoundPolicyOptions const& options, int wanted, std::vector<Course> const& courses,
               bool has_in_flight) {
  auto const limit = limit_of(options);
  std::vector<std::pair<double, int>> finishers;
  Close close;
  for (auto const& course : courses) {
    if (course.finishes) finishers.emplace_back(course.seconds, course.dispatch->client);
    close.seconds = std::max(close.seconds, std::min(course.seconds, limit));
  }
  if (courses.empty() && has_in_flight) close.seconds = limit;
  auto const enough = static_cast<std::size_t>(std::max(wanted, 1));
  if (options.over_selection == 1 || finishers.size() < enough) return close;
  auto const last = finishers.begin() + static_cast<std::ptrdiff_t>(enough - 1);
  std::ranges::nth_element(finishers, last);
  return {.seconds = last->first, .is_full = true, .last = last->second};
}

Fate fate_of(Course const& course, Close const& close) {
  if (course.dispatch->trip.drops) return Fate::dropped_out;
  auto const in_time =
      std::pair{course.seconds, course.dispatch->client} <= std::pair{close.seconds, close.last};
  if (close.is_full && !in_time) return Fate::surplus;
  if (!course.finishes) return Fate::late;
  return course.work < 1 ? Fate::partial : Fate::full;
}

Participant settled(Course const& course, Close const& close, Round const& round, bool carries) {
  Participant row{.client = course.dispatch->client,
                  .round = round.number,
                  .begins = round.begins,
                  .ends = round.begins + course.seconds,
                  .fate = fate_of(course, close),
                  .work = course.work};
  if (counts(row.fate)) return row;
  auto const stops = std::min(course.seconds, close.seconds);
  auto const done = progress(course.dispatch->trip, stops);
  row.received = done.received;
  row.work = done.work;
  row.sent = done.sent;
  if (row.fate != Fate::late || !carries) row.ends = round.begins + stops;
  return row;
}

/// The row of an update that arrives in a round after its own: the rest of its way.
Participant arrived(Participant row, Round const& round) {
  row.fate = Fate::carried;
  row.work = 1;
  row.received = 1 - row.received;
  row.sent = 1 - row.sent;
  row.staleness = round.number - row.round;
  return row;
}

/// Trip time of the least that counts.
double least_seconds(RoundPolicyOptions const& options, Dispatch const& dispatch) {
  auto const& trip = dispatch.trip;
  auto const steps = options.late == "partial" ? static_cast<double>(dispatch.steps) : 1.0;
  return trip.download + trip.train / steps + trip.upload;
}

}  // namespace

void RoundPolicyOptions::describe(Options& o) {
  o.group("Rounds");
  o.row("round-policy", round_policy, "when a round ends: wait for every client, or at a deadline",
        one_of({"wait", "deadline"}));
  o.row("deadline", deadline, "virtual seconds of a round, for --round-policy deadline",
        at_least(0.0));
  o.row("late", late,
        "who would miss the deadline: drop it, take the part that is done in time, or carry the "
        "update over to the round in which it arrives",
        one_of({"drop", "partial", "carry"}));
  o.row("over-selection", over_selection,
        "select so many times the clients wanted and keep the first that finish", at_least(1.0));
  o.row("min-clients", min_clients, "updates without which a round changes nothing", at_least(1));
}

void RoundPolicyOptions::check(int wanted) const {
  auto copy = *this;
  Options options;
  copy.describe(options);
  for (auto const& row : options.rows()) row.set(row.get());
  auto const has_deadline = round_policy == "deadline";
  if (has_deadline && deadline == 0)
    throw UserError{
        "--deadline is 0 but --round-policy is deadline: nobody finishes in no time; set "
        "--deadline SECONDS"};
  if (!has_deadline && deadline > 0)
    throw UserError{fmt::format(
        "--deadline is {} but --round-policy is {}, which has none; set --round-policy deadline",
        text::shortest(deadline), round_policy)};
  if (!has_deadline && late != "drop")
    throw UserError{fmt::format(
        "--late is {} but --round-policy is {}: nobody is late there; set --round-policy deadline",
        late, round_policy)};
  if (min_clients > wanted)
    throw UserError{fmt::format(
        "--min-clients is {} but a round wants {}: none would ever count; set --min-clients {} or "
        "select more clients",
        min_clients, wanted, wanted)};
}

int RoundPolicyOptions::to_select(int wanted) const {
  // 1.1 x 50 is 55, whatever the rounding of the product.
  return static_cast<int>(std::ceil(over_selection * wanted - 1e-9));
}

RoundOutcome settle(RoundPolicyOptions const& options, Round const& round,
                    std::span<Dispatch const> cohort, std::span<Participant const> in_flight) {
  RoundOutcome outcome;
  std::vector<Course> courses;
  for (auto const& dispatch : cohort)
    if (dispatch.is_available) courses.push_back(course_of(options, dispatch));
  auto const close = close_of(options, round.wanted, courses, !in_flight.empty());
  outcome.seconds = close.seconds;

  for (auto const& dispatch : cohort)
    if (!dispatch.is_available)
      outcome.participants.push_back({dispatch.client, round.number, round.begins, round.begins,
                                      Fate::unavailable, 0, 0, 0, 0});
  auto const carries = options.late == "carry";
  for (auto const& course : courses) {
    auto const& row = outcome.participants.emplace_back(settled(course, close, round, carries));
    if (row.fate == Fate::late && carries) outcome.in_flight.push_back(row);
  }
  for (auto const& row : in_flight)
    if (row.ends <= round.begins + close.seconds)
      outcome.participants.push_back(arrived(row, round));
    else
      outcome.in_flight.push_back(row);

  auto const order = [](Participant const& row) { return std::pair{row.client, row.round}; };
  std::ranges::sort(outcome.participants, {}, order);
  std::ranges::sort(outcome.in_flight, {}, order);
  outcome.counted = static_cast<int>(
      std::ranges::count_if(outcome.participants, [](auto const& p) { return counts(p.fate); }));
  outcome.enough = outcome.counted >= options.min_clients;
  return outcome;
}

void check_deadline(RoundPolicyOptions const& options, int clients,
                    std::function<Dispatch(int client)> const& dispatch) {
  if (options.round_policy != "deadline" || options.late == "carry") return;
  Dispatch fastest;
  auto least = std::numeric_limits<double>::infinity();
  for (int client = 0; client < clients; ++client) {
    auto const candidate = dispatch(client);
    auto const seconds = least_seconds(options, candidate);
    if (seconds >= least) continue;
    least = seconds;
    fastest = candidate;
  }
  if (clients == 0 || least <= options.deadline) return;
  auto const& trip = fastest.trip;
  throw UserError{fmt::format(
      "--deadline is {} s but the fastest trip, of client {}, takes {:.6g} s (download {:.3g}, "
      "{} {:.3g}, upload {:.3g}): no client can ever meet it; set --deadline {:.3g} or more{}",
      text::shortest(options.deadline), fastest.client, least, trip.download,
      options.late == "partial" ? "one step" : "training", least - trip.download - trip.upload,
      trip.upload, least * 1.01, options.late == "drop" ? " or --late partial" : "")};
}

NamedArrays to_arrays(std::span<Participant const> in_flight) {
  std::vector<std::int32_t> client;
  std::vector<std::int64_t> round;
  std::vector<double> begins, ends, work, received, sent;
  for (auto const& row : in_flight) {
    client.push_back(row.client);
    round.push_back(row.round);
    begins.push_back(row.begins);
    ends.push_back(row.ends);
    work.push_back(row.work);
    received.push_back(row.received);
    sent.push_back(row.sent);
  }
  NamedArrays arrays;
  arrays.put("client", client);
  arrays.put("round", round);
  arrays.put("begins", begins);
  arrays.put("ends", ends);
  arrays.put("work", work);
  arrays.put("received", received);
  arrays.put("sent", sent);
  return arrays;
}

std::vector<Participant> in_flight_from(NamedArrays const& arrays) {
  auto const real = [&](char const* name) -> auto& {
    return arrays.get<double>(name);
  };
  auto const& clients = arrays.get<std::int32_t>("client");
  std::vector<Participant> rows;
  for (std::size_t i = 0; i < clients.size(); ++i)
    rows.push_back({.client = clients[i],
                    .round = arrays.get<std::int64_t>("round").at(i),
                    .begins = real("begins").at(i),
                    .ends = real("ends").at(i),
                    .fate = Fate::late,
                    .work = real("work").at(i),
                    .received = real("received").at(i),
                    .sent = real("sent").at(i)});
  return rows;
}

}  // namespace canopy::federate
