#include "run/sync_round.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace canopy::federate {
namespace {

std::size_t index(int number) {
  return static_cast<std::size_t>(number);
}

}  // namespace

SyncRound::SyncRound(Server& server) : server_{server}, number_{server.state.round + 1} {
  row_.round = number_;
}

void SyncRound::perform() {
  auto const bytes = server_.office.bytes_sent();
  choose();
  settle_round();
  train();
  take_carried();
  note_absent();
  apply();
  server_.state.virtual_seconds += outcome_.seconds;
  row_.virtual_seconds = server_.state.virtual_seconds;
  count_bytes();
  server_.add_model(row_, counting_);
  server_.evaluate_if_due(row_, counting_);
  row_.bytes_real += static_cast<double>(server_.office.bytes_sent() - bytes);
  row_.real_seconds = clock_.seconds();
  server_.close(row_);
}

// ---- who takes part: nothing here depends on ranks

void SyncRound::choose() {
  auto& state = server_.state;
  auto const& options = server_.options();
  auto const wanted = options.policy.to_select(options.cohort_of(server_.task.clients.count()));
  auto const is_free = [&](int client) {
    return std::ranges::find(state.in_flight, client, &Participant::client) ==
           state.in_flight.end();
  };
  auto const available = [&](int client) {
    return is_free(client) && server_.devices.is_available(client, state.virtual_seconds);
  };
  auto const key = server_.task.key.with("selection");
  auto chosen = server_.selector->select(number_, wanted, available, key);
  if (chosen.empty() && state.in_flight.empty()) {
    auto const first = server_.next_available(is_free);
    if (first > state.virtual_seconds) {  // the server waits for somebody
      state.virtual_seconds = first;
      chosen = server_.selector->select(number_, wanted, available, key);
    }
  }
  for (auto const client : chosen) cohort_.push_back(server_.dispatch(client, number_));
}

void SyncRound::settle_round() {
  auto const& options = server_.options();
  auto const wanted = options.cohort_of(server_.task.clients.count());
  outcome_ = settle(options.policy, {number_, server_.state.virtual_seconds, wanted}, cohort_,
                    server_.state.in_flight);
  of_combiner_.assign(server_.roles.combiners.size(), 0);
  if (!outcome_.enough) {
    server_.event("short-round",
                  fmt::format("round {}: {} update{} in time, {} wanted at least; the model stays "
                              "as it is",
                              number_, outcome_.counted, outcome_.counted == 1 ? "" : "s",
                              options.policy.min_clients));
    return;
  }
  for (auto const& p : outcome_.participants) {
    if (!counts(p.fate)) continue;
    counting_.push_back(p.client);
    of_combiner_[index(server_.roles.combiner_of(p.client))] += weight_of(p.client);
    total_ += weight_of(p.client);
  }
}

double SyncRound::weight_of(int client) const {
  return server_.aggregator.weighs_by_rows()
             ? static_cast<double>(server_.task.clients.rows(client))
             : 1.0;
}

double SyncRound::planned_weight(int client) const {
  if (server_.options().reducer_weighting == ReducerWeighting::rows)
    return weight_of(client) / total_;
  auto const active = std::ranges::count_if(of_combiner_, [](double weight) { return weight > 0; });
  return weight_of(client) /
         (static_cast<double>(active) * of_combiner_[index(server_.roles.combiner_of(client))]);
}

Participant const& SyncRound::participant(int client) const {
  return *std::ranges::find(outcome_.participants, client, &Participant::client);
}

// ---- training

/// Those train whose updates count now, or will when they arrive.
Job SyncRound::plan() const {
  auto job = server_.job(server_.state.model, server_.options().local.lr_of(number_));
  auto const add = [&](Participant const& p, bool later) {
    auto task = server_.training(p.client, number_);
    if (!later) {  // who is late goes on to the end
      task.steps = std::llround(p.work * static_cast<double>(task.steps));
      task.cost *= p.work;
    }
    task.apart = task.apart || later;
    task.weight = later ? 1 : planned_weight(p.client);
    job.tasks.push_back(task);
    auto const& kept = server_.state.clients;
    if (auto const found = kept.find(p.client); found != kept.end())
      job.states.push_back({p.client, found->second});
  };
  for (auto const& p : outcome_.participants)
    if (outcome_.enough && counts(p.fate) && p.fate != Fate::carried) add(p, false);
  for (auto const& p : outcome_.in_flight)
    if (p.round == number_) add(p, true);
  return job;
}

void SyncRound::train() {
  auto job = plan();
  if (job.tasks.empty()) return;
  auto outcome = server_.office.perform(std::move(job), server_.hooks.idle);
  server_.is_whole = false;
  server_.note(outcome.uses);
  row_.bytes_real += static_cast<double>(outcome.bytes);
  sum_ = std::move(outcome.sum);
  for (auto& state : outcome.states) server_.state.clients[state.client] = std::move(state.values);
  std::ranges::sort(outcome.reports, {}, &Report::client);
  for (auto const& report : outcome.reports) {
    auto const found = std::ranges::find(outcome.updates, report.client, &ClientUpdate::client);
    take_report(report, found == outcome.updates.end() ? nullptr : &found->values);
  }
}

void SyncRound::take_report(Report const& report, std::vector<float> const* update) {
  seen_ += report.rows;
  loss_.sum += report.loss;
  loss_.correct += report.correct;
  auto const later = std::ranges::find_if(outcome_.in_flight, [&](Participant const& p) {
    return p.client == report.client && p.round == number_;
  });
  if (report.rejected)
    reject(report);
  else if (later != outcome_.in_flight.end())
    hold(server_.update_row(report, *later), report.number, *update);
  else
    contribute(server_.update_row(report, participant(report.client)), report.number, update);
}

/// A late update, for the round in which it arrives.
void SyncRound::hold(UpdateRow const& row, double number, std::vector<float> const& update) {
  server_.state.held.push_back({static_cast<int>(row.client), number_, row.steps, row.loss,
                                row.rms_loss, number, row.norm, update});
}

void SyncRound::reject(Report const& report) {
  server_.note_rejected(report, number_);
  std::erase(counting_, report.client);
  std::erase_if(outcome_.in_flight, [&](Participant const& p) {
    return p.client == report.client && p.round == number_;
  });
  auto row = server_.update_row(report, participant(report.client));
  row.fate = "rejected";
  rejected_.push_back(report.client);
  server_.note(std::move(row), row_);
}

void SyncRound::contribute(UpdateRow row, double number, std::vector<float> const* update) {
  auto const client = static_cast<int>(row.client);
  row.round = number_;
  row.weight = planned_weight(client);
  arrived_ += row.weight;
  result_.contributions.push_back({client, row.weight, row.steps, number});
  if (server_.aggregator.wants_updates()) result_.updates.push_back(*update);
  server_.observe(row, row.virtual_end - row.virtual_begin);
  server_.note(std::move(row), row_);
}

/// Late updates of earlier rounds that arrive in this one.
void SyncRound::take_carried() {
  auto& held = server_.state.held;
  for (auto const& p : outcome_.participants) {
    if (p.fate != Fate::carried) continue;
    auto const found = std::ranges::find_if(held, [&](HeldUpdate const& one) {
      return one.client == p.client && one.round == p.round;
    });
    auto const one = std::move(*found);
    held.erase(found);
    auto row = server_.update_row(p);
    row.steps = one.steps;
    row.loss = one.loss;
    row.rms_loss = one.rms_loss;
    row.norm = one.norm;
    if (!outcome_.enough) {
      server_.note(std::move(row), row_);
      continue;
    }
    if (sum_.empty()) sum_ = UpdateSum{server_.options().reduce, one.values.size()};
    sum_.add(planned_weight(p.client), one.values);
    contribute(std::move(row), one.number, &one.values);
  }
  server_.state.in_flight = outcome_.in_flight;
}

/// Those who were chosen and do not count, and in a round of too few those who would have.
void SyncRound::note_absent() {
  for (auto const& p : outcome_.participants) {
    auto const is_rejected = std::ranges::find(rejected_, p.client) != rejected_.end();
    if (!is_rejected && (!counts(p.fate) || (!outcome_.enough && p.fate != Fate::carried)))
      server_.note(server_.update_row(p), row_);
  }
}

// ---- the server's step

void SyncRound::apply() {
  auto& contributions = result_.contributions;
  row_.clients = std::ssize(contributions);
  auto const seen = static_cast<double>(std::max<std::int64_t>(seen_, 1));
  row_.train_loss = seen_ > 0 ? loss_.sum / seen : empty_cell;
  row_.train_accuracy = seen_ > 0 ? static_cast<double>(loss_.correct) / seen : empty_cell;
  if (contributions.empty()) return;
  result_.share = contributions.size() == static_cast<std::size_t>(outcome_.counted) ? 1 : arrived_;
  if (!server_.aggregator.wants_updates()) result_.values = sum_.values(result_.share);
  server_.aggregator.apply(result_, server_.state.model);
}

void SyncRound::count_bytes() {
  for (auto const& p : outcome_.participants)
    row_.bytes_device += p.received * server_.bytes_down() + p.sent * server_.bytes_up();
}

}  // namespace canopy::federate
