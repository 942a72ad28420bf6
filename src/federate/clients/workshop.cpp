#include "clients/workshop.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace canopy::federate {
namespace {

/// In eight sums side by side, which do not wait for each other.
double norm_of(std::vector<float> const& values) {
  constexpr std::size_t lanes = 8;
  std::array<double, lanes> sums{};
  auto const whole = values.size() / lanes * lanes;
  for (std::size_t i = 0; i < whole; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      sums[lane] += double{values[i + lane]} * values[i + lane];
  for (std::size_t i = whole; i < values.size(); ++i)
    sums[i - whole] += double{values[i]} * values[i];
  return std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
}

std::vector<float> state_of(Job const& job, int client) {
  auto const found = std::ranges::find(job.states, client, &ClientState::client);
  return found == job.states.end() ? std::vector<float>{} : found->values;
}

/// How many rows go through the network together must not depend on options that have no use.
LocalOptions options_of(ClientSide const& side) {
  auto options = side.local;
  if (side.aggregator.takes_one_full_step()) options.batch_size = 0;
  return options;
}

}  // namespace

Workshop::Workshop(ClientSide const& side)
    : side_{side}, trainer_{side.network, options_of(side)} {}

void Workshop::join(Team* team) {
  team_ = team;
  trainer_.join(team);
}

void Workshop::take(Job job, int sender) {
  Outcome outcome;
  outcome.job = job.id;
  outcome.combiner = job.combiner;
  waiting_.push_back({std::move(job), sender, 0, std::move(outcome)});
}

std::optional<Workshop::Finished> Workshop::step(std::function<void()> const& tick) {
  auto& at = waiting_.front();
  if (at.next < at.job.tasks.size()) {
    Stopwatch const clock;
    auto report = perform(at, at.job.tasks[at.next++], tick);
    report.seconds = clock.seconds();
    busy_seconds_ += report.seconds;
    ++tasks_done_;
    at.outcome.reports.push_back(report);
  }
  if (at.next < at.job.tasks.size()) return {};
  Finished finished{at.sender, std::move(at.outcome)};
  waiting_.pop_front();
  return finished;
}

Report Workshop::perform(Waiting& at, Task const& task, std::function<void()> const& tick) {
  Report report;
  report.kind = task.kind;
  report.client = task.client;
  switch (task.kind) {
    case Task::Kind::train:
      train(at, task, report, tick);
      break;
    case Task::Kind::validate:
      evaluate(at.job, side_.clients.data(task.client), report, tick);
      break;
    case Task::Kind::test: {
      auto const begin = static_cast<std::size_t>(task.client) * ClientSide::piece;
      auto const rest = std::span{side_.test_rows}.subspan(begin);
      evaluate(at.job,
               side_.clients.unchanged(rest.first(std::min(ClientSide::piece, rest.size()))),
               report, tick);
    }
  }
  return report;
}

void Workshop::evaluate(Job const& job, LocalData const& data, Report& report,
                        std::function<void()> const& tick) {
  auto const loss = trainer_.evaluate(*job.model, data, tick);
  report.rows = std::ssize(data.rows);
  report.loss = loss.sum;
  report.correct = loss.correct;
}

void Workshop::train(Waiting& at, Task const& task, Report& report,
                     std::function<void()> const& tick) {
  auto const& aggregator = side_.aggregator;
  auto const data = side_.clients.data(task.client);
  auto state = state_of(at.job, task.client);
  LocalResult result;
  result.rows = std::ssize(data.rows);
  result.lr = at.job.lr;
  if (aggregator.wants_first_loss())
    result.first_loss =
        trainer_.evaluate(*at.job.model, data, tick).sum / static_cast<double>(result.rows);
  LocalWork work;
  work.key = side_.key.with("client")
                 .with(static_cast<std::uint64_t>(task.client))
                 .with(static_cast<std::uint64_t>(task.number));
  work.lr = at.job.lr;
  work.steps = task.steps;
  work.batch_size = aggregator.takes_one_full_step() ? 0 : side_.local.batch_size;
  work.proximal = aggregator.proximal();
  auto const shift = aggregator.shift(*at.job.shared, state);
  work.shift = shift;
  auto const outcome = trainer_.train(*at.job.model, data, work, tick);
  if (team_ != nullptr && !team_->leads()) return;
  report.rows = outcome.seen;
  report.steps = result.steps = outcome.steps;
  report.loss = outcome.loss.sum;
  report.squares = outcome.loss.squares;
  report.correct = outcome.loss.correct;
  result.delta = trainer_.delta(*at.job.model);
  report.norm = norm_of(result.delta);
  send(at, task, report, std::move(result), std::move(state));
}

void Workshop::send(Waiting& at, Task const& task, Report& report, LocalResult result,
                    std::vector<float> state) {
  auto const& aggregator = side_.aggregator;
  auto upload = aggregator.upload(std::move(result), task.weight, *at.job.shared, state);
  report.number = upload.number;
  auto& sum = at.outcome.sum;
  auto const length = upload.values.size();
  if (!task.apart && sum.empty()) sum = UpdateSum{side_.reduce, length};
  auto const taken =
      std::isfinite(upload.number) && (task.apart ? UpdateSum::takes(upload.weight, upload.values)
                                                  : sum.add(upload.weight, upload.values));
  if (!taken) {
    report.rejected = true;
    return;
  }
  if (aggregator.has_client_states()) at.outcome.states.push_back({task.client, std::move(state)});
  if (task.apart) at.outcome.updates.push_back({task.client, std::move(upload.values)});
}

}  // namespace canopy::federate
