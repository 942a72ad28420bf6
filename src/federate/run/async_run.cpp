#include "run/async_run.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "canopy/core/error.hpp"

namespace canopy::federate {

AsyncRun::AsyncRun(Server& server) : server_{server}, bytes_{server.office.bytes_sent()} {
  auto& state = server.state;
  auto const places =
      static_cast<std::size_t>(server.options().concurrency_of(server.task.clients.count()));
  state.clocks.resize(places);
  for (auto const& flight : state.flights) send(flight);
}

void AsyncRun::step() {
  auto const patience = 1000 + server_.task.clients.count();
  for (int failures = 0; failures < patience;) {
    fill_places();
    auto const flight = take_next();
    server_.state.virtual_seconds = flight.ends;
    auto const taken = row_taken_;
    if (arrive(flight)) return finish_step();
    failures = row_taken_ > taken ? 0 : failures + 1;
  }
  throw UserError{
      fmt::format("of the last {} updates none was taken, as all were rejected or their "
                  "clients dropped out; lower --lr or --dropout",
                  patience)};
}

// ---- who is at work

/// SSP (Ho et al. 2013): a place may be `staleness` updates ahead of the slowest one.
bool AsyncRun::may_begin(std::size_t place) const {
  auto const& state = server_.state;
  auto const busy = std::ranges::find(state.flights, static_cast<int>(place), &Flight::place);
  if (busy != state.flights.end()) return false;
  auto const bound = server_.options().staleness_bound();
  return !bound || state.clocks[place] - *std::ranges::min_element(state.clocks) <= *bound;
}

/// Whatever arrives at this moment is taken first, so that nobody sets out from an older model.
void AsyncRun::fill_places() {
  auto& state = server_.state;
  for (auto const& flight : state.flights)
    if (flight.ends <= state.virtual_seconds) return;
  while (true) {
    bool waits = false;
    for (std::size_t place = 0; place < state.clocks.size(); ++place)
      if (may_begin(place) && !begin(place)) waits = true;
    if (!waits || !state.flights.empty()) return;
    state.virtual_seconds = server_.next_available([](int) { return true; });
  }
}

/// False when no client is there.
bool AsyncRun::begin(std::size_t place) {
  auto& state = server_.state;
  auto const available = [&](int client) {
    return std::ranges::find(state.flights, client, &Flight::client) == state.flights.end() &&
           server_.devices.is_available(client, state.virtual_seconds);
  };
  auto const number = state.dispatches + 1;
  auto const chosen =
      server_.selector->select(number, 1, available, server_.task.key.with("selection"));
  if (chosen.empty()) return false;
  state.dispatches = number;
  auto const trip = server_.dispatch(chosen.front(), number).trip;
  Flight flight;
  flight.client = chosen.front();
  flight.number = number;
  flight.version = state.round;
  flight.place = static_cast<int>(place);
  flight.begins = state.virtual_seconds;
  flight.drops = trip.drops;
  flight.ends = flight.begins + (trip.drops ? trip.dropped_after : trip.total());
  flight.model = state.model;
  send(flight);
  state.flights.push_back(std::move(flight));
  return true;
}

void AsyncRun::send(Flight const& flight) {
  if (flight.drops) return;
  auto job = server_.job(flight.model, server_.options().local.lr_of(flight.version + 1));
  auto task = server_.training(flight.client, flight.number);
  task.apart = true;
  task.weight = 1;
  job.tasks.push_back(task);
  jobs_[flight.number] = job.id;
  server_.office.submit(std::move(job));
}

// ---- whose update is next

Flight AsyncRun::take_next() {
  auto& flights = server_.state.flights;
  auto const next = std::ranges::min_element(flights, {}, [](Flight const& flight) {
    return std::pair{flight.ends, flight.number};
  });
  server_.is_whole = false;
  auto flight = std::move(*next);
  flights.erase(next);
  ++server_.state.clocks[static_cast<std::size_t>(flight.place)];
  return flight;
}

Outcome AsyncRun::await(std::int64_t number) {
  auto const job = jobs_.at(number);
  jobs_.erase(number);
  while (true) {
    if (auto const found = arrived_.find(job); found != arrived_.end()) {
      auto outcome = std::move(found->second);
      arrived_.erase(found);
      return outcome;
    }
    if (auto outcome = server_.office.next()) {
      server_.note(outcome->uses);
      arrived_.emplace(outcome->job, std::move(*outcome));
    } else if (server_.hooks.idle) {
      server_.hooks.idle();
    }
  }
}

bool AsyncRun::arrive(Flight const& flight) {
  auto& state = server_.state;
  Participant part;
  part.client = flight.client;
  part.begins = flight.begins;
  part.ends = flight.ends;
  part.staleness = state.round - flight.version;
  part.fate = flight.drops ? Fate::dropped_out : Fate::full;
  count_bytes(flight);
  if (flight.drops) {
    note(server_.update_row(part));
    return false;
  }
  auto const outcome = await(flight.number);
  auto const& report = outcome.reports.at(0);
  row_.bytes_real += static_cast<double>(outcome.bytes);
  auto row = server_.update_row(report, part);
  if (report.rejected) {
    server_.note_rejected(report, state.round + 1);
    row.fate = "rejected";
    note(std::move(row));
    return false;
  }
  row.weight = 1;
  ++row_taken_;
  seen_ += report.rows;
  loss_.sum += report.loss;
  loss_.correct += report.correct;
  cohort_.push_back(flight.client);
  auto const stepped = server_.aggregator.arrive(
      {outcome.updates.at(0).values, flight.model, part.staleness}, state.model);
  note(std::move(row));
  return stepped;
}

void AsyncRun::note(UpdateRow row) {
  row.round = server_.state.round + 1;
  if (row.weight > 0) server_.observe(row, row.virtual_end - row.virtual_begin);
  server_.note(std::move(row), row_);
}

/// What the device has moved by the time it arrives or drops out.
void AsyncRun::count_bytes(Flight const& flight) {
  auto const trip = server_.dispatch(flight.client, flight.number).trip;
  auto const after = flight.ends - flight.begins;
  auto const share = [](double seconds, double of) {
    return of > 0 ? std::clamp(seconds / of, 0.0, 1.0) : 1.0;
  };
  row_.bytes_device += server_.bytes_down() * share(after, trip.download);
  if (!flight.drops || after > trip.download + trip.train)
    row_.bytes_device +=
        server_.bytes_up() *
        (flight.drops ? share(after - trip.download - trip.train, trip.upload) : 1.0);
}

void AsyncRun::finish_step() {
  auto& state = server_.state;
  row_.round = state.round + 1;
  row_.clients = std::ssize(cohort_);
  row_.train_loss = loss_.sum / static_cast<double>(seen_);
  row_.train_accuracy = static_cast<double>(loss_.correct) / static_cast<double>(seen_);
  row_.virtual_seconds = state.virtual_seconds;
  std::ranges::sort(cohort_);
  cohort_.erase(std::unique(cohort_.begin(), cohort_.end()), cohort_.end());
  server_.add_model(row_, cohort_);
  // Clients are at work meanwhile: what they send is kept until its time has come.
  server_.evaluate_if_due(row_, cohort_);
  auto const bytes = server_.office.bytes_sent();
  row_.bytes_real += static_cast<double>(bytes - std::exchange(bytes_, bytes));
  row_.real_seconds = clock_.seconds();
  auto const row = std::exchange(row_, {});
  row_taken_ = 0;
  cohort_.clear();
  loss_ = {};
  seen_ = 0;
  clock_ = Stopwatch{};
  server_.close(row);
}

}  // namespace canopy::federate
