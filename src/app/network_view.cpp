#include "network_view.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace canopy::app {
namespace {

std::string line(std::string const& name, std::string const& text) {
  return fmt::format("{:<11}{}\n", name, text);
}

std::string counted(std::int64_t number, std::string const& thing) {
  return fmt::format("{} {}{}", text::grouped(number), thing, number == 1 ? "" : "s");
}

std::string epochs_text(std::vector<train::EpochRow> const& epochs, std::int64_t best_epoch) {
  auto const& last = epochs.back();
  auto text = fmt::format("{}, last loss {:.4f}, accuracy {:.4f}",
                          counted(std::ssize(epochs), "epoch"), last.loss, last.accuracy);
  if (best_epoch > 0)
    text += fmt::format("; kept epoch {}, {:.4f} of the rows set aside", best_epoch,
                        epochs[static_cast<std::size_t>(best_epoch - 1)].val_accuracy);
  return text;
}

/// Where the time of the updates went, as shares of it.
struct TimeShares {
  explicit TimeShares(std::vector<train::EpochRow> const& epochs) {
    for (auto const& row : epochs) {
      compute += row.compute_seconds;
      exposed += row.exposed_comm_seconds;
      idle += row.idle_seconds;
      fastest = std::max(fastest, row.samples_per_second);
    }
    auto const all = std::max(1e-9, compute + exposed + idle);
    for (auto* share : {&compute, &exposed, &idle}) *share /= all;
  }
  double compute = 0;
  double exposed = 0;
  double idle = 0;
  double fastest = 0;  ///< samples per second
};

std::string time_text(TimeShares const& shares) {
  return fmt::format(
      "{} samples/s in the best epoch; {:.0f} % compute, {:.0f} % waiting for messages, {:.0f} % "
      "idle",
      text::grouped(std::llround(shares.fastest)), 100 * shares.compute, 100 * shares.exposed,
      100 * shares.idle);
}

/// What the sums of an update take, in the slowest stage, and what the other order would take;
/// nothing when nothing is summed over ranks.
std::string reduction_text(comm::Order order, std::vector<train::Place> const& places) {
  auto const is_tree = order == comm::Order::tree;
  double chosen = 0;
  double other = 0;
  for (auto const& place : places) {
    auto const& [tree, free] = place.sum_times;
    chosen = std::fmax(chosen, is_tree ? tree : free);  // passes over what is empty
    other = std::fmax(other, is_tree ? free : tree);
  }
  if (chosen == 0) return {};
  return fmt::format("{}, {:.3g} ms a step ({} {:.3g} ms)", is_tree ? "tree" : "free", 1e3 * chosen,
                     is_tree ? "free" : "tree", 1e3 * other);
}

/// Nothing when the ranks do well.
std::string advice_on_waiting(TimeShares const& shares, std::vector<train::Place> const& places) {
  constexpr double much = 0.5;
  if (shares.exposed < much || places.size() == 1) return {};
  auto const& strategy = places.front().strategy;
  auto const remedy = strategy == "data" ? "a larger --batch-size, or fewer ranks"
                      : strategy == "ps" ? "--parallel data, or a larger --staleness"
                                         : "a larger --batch-size, --schedule zb-h1, fewer stages";
  return fmt::format(
      "ranks wait for each other most of the time, as for a core when there are "
      "fewer cores than ranks; else this model may be faster with {}",
      remedy);
}

std::string evaluation_text(Evaluation const& evaluation) {
  auto text = fmt::format("accuracy {:.4f}", evaluation.confusion.accuracy());
  if (evaluation.scoring != "accuracy")
    text += fmt::format(", {} {:.4f}", evaluation.scoring, evaluation.score);
  return text + fmt::format(" on {} rows", text::grouped(evaluation.confusion.total()));
}

}  // namespace

std::string NetworkView::pace(train::FitProgress const& now) const {
  auto const done = std::max<std::int64_t>(1, now.step - first_step_);
  auto const seconds = clock_.seconds();
  return fmt::format(
      "{} samples/s, {} gone, about {} to go",
      text::grouped(std::llround(static_cast<double>(done * now.batch) / std::max(seconds, 1e-9))),
      text::duration(seconds),
      text::duration(seconds / static_cast<double>(done) *
                     static_cast<double>(now.steps - now.step)));
}

void NetworkView::watch(train::FitProgress const& now) {
  if (first_step_ < 0) {
    first_step_ = now.step;
    clock_ = {};
    return;
  }
  auto const epoch = fmt::format("epoch {}/{}", (now.step - 1) / now.steps_per_epoch + 1,
                                 now.steps / now.steps_per_epoch);
  progress_.update(
      [&] {
        auto const share = static_cast<double>(now.step) / static_cast<double>(now.steps);
        return std::vector<std::string>{
            title_, fmt::format("  {} {}   {}", epoch, progress_bar(share, 30), pace(now))};
      },
      [&] { return fmt::format("{}, update {}/{}  {}", epoch, now.step, now.steps, pace(now)); });
}

void NetworkView::epoch(train::EpochRow const& row, int epochs) {
  auto text = fmt::format("epoch {}/{}  loss {:.4f}  accuracy {:.4f}", row.epoch, epochs, row.loss,
                          row.accuracy);
  if (!std::isnan(row.val_accuracy))
    text +=
        fmt::format("  set aside: loss {:.4f}  accuracy {:.4f}", row.val_loss, row.val_accuracy);
  progress_.say(text +
                fmt::format("  {} samples/s", text::grouped(std::llround(row.samples_per_second))));
}

std::string advice_on_ranks(std::vector<RankSpent> const& ranks, bool more_than_cores) {
  double together = 0;
  double alone = 0;
  for (auto const& rank : ranks) {
    together = std::max(together, rank.seconds);
    alone += more_than_cores ? rank.undisturbed : rank.computing;
  }
  if (ranks.size() < 2 || together == 0 || together < alone) return {};
  return fmt::format(
      "{} ranks took {} for updates that one rank would compute in about {}: waiting for "
      "messages{} "
      "costs more than the ranks save; start fewer of them, or set a larger --batch-size",
      ranks.size(), text::duration(together), text::duration(alone),
      more_than_cores ? ", and for one of too few cores," : "");
}

std::string network_text(nn::Network const& network) {
  auto text =
      fmt::format("{}: {}, {}", network.architecture().name, counted(network.depth(), "layer"),
                  counted(static_cast<std::int64_t>(network.parameters()), "parameter"));
  double flops = 0;
  for (int layer = 0; layer < network.depth(); ++layer) flops += network.flops(layer).training();
  return text + fmt::format(", {:.2f} MFLOP to learn from a sample", flops / 1e6);
}

std::string bubble_text(Table const& pipeline) {
  return fmt::format(
      "{:.2f} of the stages' time with {} and {} micro-batches; {:.2f} by simulation with their "
      "times, {:.2f} were they alike: (S-1)/(M+S-1)",
      pipeline.number(0, "bubble"), pipeline.text(0, "schedule"), pipeline.text(0, "micro_batches"),
      pipeline.number(0, "bubble_simulated"), pipeline.number(0, "bubble_textbook"));
}

std::string network_summary(NetworkTask const& task, Phases const& phases,
                            NetworkOutcome const& outcome) {
  auto text = line("data", fmt::format("{} rows x {} numbers to learn from, loaded in {:.2f} s",
                                       text::grouped(std::ssize(task.rows.learn)),
                                       task.samples.columns(), phases.seconds_of("load")));
  text += line("packed", fmt::format("{:.1f} MB in {:.2f} s",
                                     static_cast<double>(task.samples.bytes().size()) / 1e6,
                                     phases.seconds_of("pack")));
  text += line("network", network_text(task.network));
  auto const& places = outcome.places;
  text += line("layout", fmt::format("{} on {}, sums {}", places.front().strategy,
                                     counted(std::ssize(places), "rank"), places.front().sums));
  if (auto const said = reduction_text(outcome.order, places); !said.empty())
    text += line("reduction", said);
  for (auto const& report : outcome.reports)
    if (report.name() == "pipeline") text += line("bubble", bubble_text(report));
  text += line("training", epochs_text(outcome.epochs, outcome.best_epoch));
  TimeShares const shares{outcome.epochs};
  text += line("speed", time_text(shares));
  auto const said = outcome.on_ranks.empty() ? advice_on_waiting(shares, places) : outcome.on_ranks;
  if (!said.empty()) text += line("advice", said);
  for (auto const& evaluation : outcome.evaluations)
    text += line(evaluation.rows_from, evaluation_text(evaluation));
  if (outcome.evaluations.empty())
    text += line("accuracy", "not known: no rows were kept out; see --test-size");
  return text;
}

}  // namespace canopy::app
