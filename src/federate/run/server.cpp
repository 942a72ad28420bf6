#include "run/server.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "canopy/core/clock.hpp"
#include "canopy/core/text.hpp"

namespace canopy::federate {
namespace {

std::string cohort_text(std::vector<int> const& cohort) {
  constexpr std::size_t most = 100;
  std::vector<std::string> words;
  for (auto const client : cohort) {
    if (words.size() == most) {
      words.push_back("...");
      break;
    }
    words.push_back(std::to_string(client));
  }
  return text::join(words, ",");
}

double mean_of(double sum, std::int64_t count) {
  return sum / static_cast<double>(std::max<std::int64_t>(count, 1));
}

}  // namespace

Server::Server(FederationTask const& the_task, RoleMap const& the_roles, Aggregator& the_aggregator,
               Office& the_office)
    : task{the_task},
      roles{the_roles},
      aggregator{the_aggregator},
      office{the_office},
      devices{the_task.options.devices, the_task.clients.count(), the_task.key.with("devices")},
      selector{selectors().make(
          the_task.options.selection.selector, the_task.options.selection,
          Population{the_task.clients.count(), [this](int k) { return task.clients.rows(k); },
                     [this](int k) { return dispatch(k, 0).trip.total(); }})} {}

double Server::bytes_down() const {
  return static_cast<double>(sizeof(float) *
                             (task.network.arena_size() + aggregator.shared().size()));
}

double Server::bytes_up() const {
  return static_cast<double>(sizeof(float) * task.network.arena_size()) * aggregator.vectors();
}

Task Server::training(int client, std::int64_t number) const {
  auto const rows = task.clients.rows(client);
  auto const& local = options().local;
  Task result;
  result.client = client;
  result.number = number;
  auto const whole = local.batch_size == 0 || aggregator.takes_one_full_step();
  result.steps = aggregator.takes_one_full_step() ? 1 : local.steps(rows);
  auto const batch = whole ? rows : std::min<std::int64_t>(rows, local.batch_size);
  auto const by_steps = static_cast<double>(result.steps * batch);
  auto const by_epochs = static_cast<double>(local.local_epochs * rows);
  result.cost = whole || local.local_steps > 0 ? by_steps : by_epochs;
  result.apart = aggregator.wants_updates();
  return result;
}

Dispatch Server::dispatch(int client, std::int64_t number) const {
  auto const work = training(client, number);
  return {
      client,
      devices.trip(client, number, static_cast<std::int64_t>(work.cost), bytes_down(), bytes_up()),
      work.steps, true};
}

Job Server::job(std::vector<float> model, double lr) {
  Job result;
  result.id = ++last_job;
  result.lr = lr;
  *result.model.values = std::move(model);
  auto const shared = aggregator.shared();
  result.shared.values->assign(shared.begin(), shared.end());
  return result;
}

void Server::event(std::string const& kind, std::string const& text) const {
  if (hooks.event) hooks.event(kind, text);
}

void Server::note_rejected(Report const& report, std::int64_t round) const {
  event("rejected-update",
        fmt::format("round {}: the update of client {} is not finite or too large (norm {}), so it "
                    "does not count; a smaller --lr may help",
                    round, report.client, text::shortest(report.norm)));
}

UpdateRow Server::update_row(Participant const& part) const {
  UpdateRow row;
  row.client = part.client;
  row.combiner = roles.has_combiners ? roles.combiner_of(part.client) + 1 : 0;
  row.fate = TextForm<Fate>::print(part.fate);
  row.rows = task.clients.rows(part.client);
  row.staleness = part.staleness;
  row.virtual_begin = part.begins;
  row.virtual_end = part.ends;
  return row;
}

UpdateRow Server::update_row(Report const& report, Participant const& part) const {
  auto row = update_row(part);
  row.rank = report.rank;
  row.steps = report.steps;
  row.loss = mean_of(report.loss, report.rows);
  row.rms_loss = std::sqrt(mean_of(report.squares, report.rows));
  row.norm = report.norm;
  row.real_seconds = report.seconds;
  return row;
}

void Server::note(UpdateRow update, RoundRow& round) {
  update.round = state.round + 1;
  if (update.is_dropped()) ++round.dropped;
  state.updates.push_back(std::move(update));
}

void Server::note(std::vector<CombinerUse> const& uses) {
  for (auto const& use : uses) {
    auto& row = combiner_row(roles.has_combiners ? use.combiner + 1 : 0);
    row.wait_seconds += use.wait_seconds;
    row.load_seconds += use.load_seconds;
    row.aggregate_seconds += use.aggregate_seconds;
    row.updates += use.updates;
    row.bytes += use.bytes;
  }
}

/// The row of this round, whose rows are the last ones and stand by combiner.
CombinerRow& Server::combiner_row(std::int64_t combiner) {
  auto& rows = state.combiner_rounds;
  auto const round = state.round + 1;
  auto at = rows.end();
  while (at != rows.begin() && at[-1].round == round && at[-1].combiner >= combiner) --at;
  if (at == rows.end() || at->combiner != combiner)
    at = rows.insert(at, CombinerRow{round, combiner});
  return *at;
}

void Server::observe(UpdateRow const& row, double seconds) {
  selector->observe(
      {static_cast<int>(row.client), row.round, row.loss, row.rms_loss, row.rows, seconds});
}

void Server::add_model(RoundRow& row, std::vector<int> const& cohort) {
  ModelRow link;
  link.parent = state.models.back().id;
  link.round = row.round;
  link.aggregator = options().aggregation.aggregator;
  link.clients = std::ssize(cohort);
  for (auto const client : cohort) link.rows += task.clients.rows(client);
  link.cohort = cohort_text(cohort);
  link.committed = utc_now();
  link.id = row.model = nn::sha256(state.model);
  state.models.push_back(std::move(link));
}

void Server::evaluate_if_due(RoundRow& row, std::vector<int> const& cohort) {
  if (row.round == options().rounds || row.round % options().evaluate_every == 0)
    evaluate(row, cohort);
}

void Server::evaluate(RoundRow& row, std::vector<int> const& cohort) {
  auto work = job(state.model, 0);
  auto const add = [&](Task::Kind kind, int number, double cost) {
    Task one;
    one.kind = kind;
    one.client = number;
    one.cost = cost;
    work.tasks.push_back(one);
  };
  auto const pieces = (task.test_rows.size() + ClientSide::piece - 1) / ClientSide::piece;
  for (std::size_t piece = 0; piece < pieces; ++piece)
    add(Task::Kind::test, static_cast<int>(piece), ClientSide::piece);
  auto const validate = [&](int client) {
    add(Task::Kind::validate, client, static_cast<double>(task.clients.rows(client)));
  };
  if (options().validation == Validation::cohort) std::ranges::for_each(cohort, validate);
  if (options().validation == Validation::all)
    for (int client = 0; client < task.clients.count(); ++client) validate(client);
  if (work.tasks.empty()) return;
  auto outcome = office.perform(std::move(work), hooks.idle);
  row.bytes_real += static_cast<double>(outcome.bytes);
  std::ranges::sort(outcome.reports, {}, &Report::client);
  nn::Loss test;
  std::int64_t rows = 0;
  std::vector<double> accuracies;
  for (auto const& report : outcome.reports) {
    if (report.kind == Task::Kind::test) {
      test.sum += report.loss;
      test.correct += report.correct;
      rows += report.rows;
    } else {
      accuracies.push_back(mean_of(static_cast<double>(report.correct), report.rows));
      state.validations.push_back({row.round, report.client, row.model, report.rows,
                                   mean_of(report.loss, report.rows), accuracies.back()});
    }
  }
  if (rows > 0) {
    row.accuracy = mean_of(static_cast<double>(test.correct), rows);
    row.loss = mean_of(test.sum, rows);
  }
  row.take_accuracies(std::move(accuracies));
}

bool Server::is_done() const {
  if (state.round >= options().rounds) return true;
  auto const& target = options().target_accuracy;
  return target && !state.rounds.empty() && state.rounds.back().accuracy >= *target;
}

void Server::close(RoundRow const& row) {
  state.rounds.push_back(row);
  state.round = row.round;
  is_whole = true;
  if (auto const every = options().keep_every; every > 0 && row.round % every == 0)
    state.kept[row.round] = state.model;
  state.server = aggregator.state();
  state.selector = selector->state();
  for (auto const rank : office.newly_lost())
    event("lost-rank", fmt::format("rank {} was lost in round {}; its clients were dealt to others",
                                   rank, row.round));
  if (hooks.round) hooks.round(row);
  if (hooks.checkpoint) hooks.checkpoint(state);
}

double Server::next_available(std::function<bool(int)> const& may) const {
  auto first = std::numeric_limits<double>::infinity();
  for (int client = 0; client < task.clients.count(); ++client)
    if (may(client)) first = std::min(first, devices.next_available(client, state.virtual_seconds));
  return first;
}

}  // namespace canopy::federate
