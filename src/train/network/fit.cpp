#include "canopy/train/network/fit.hpp"

#include <algorithm>
#include <cmath>

#include "canopy/comm/watch.hpp"

namespace canopy::train {
namespace {

constexpr double tick_seconds = 0.25;

/// What the root tells all ranks now and then.
struct Tick {
  bool stop;
  std::int64_t next;  ///< the step after which it speaks again
};

/// What a rank has to tell of an epoch.
struct EpochPart {
  std::vector<nn::Loss> losses;  ///< of the shards that it counts
  double compute_seconds = 0;
  double exposed_seconds = 0;
  double idle_seconds = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(losses, compute_seconds, exposed_seconds, idle_seconds);
  }
};

bool is_better(EpochRow const& a, EpochRow const& b) {
  if (a.val_accuracy != b.val_accuracy) return a.val_accuracy > b.val_accuracy;
  return a.val_loss < b.val_loss;
}

}  // namespace

TrainingState fresh_state(nn::Network const& network, ShardPlan const& plan, Key key) {
  TrainingState state;
  state.arena.resize(network.arena_size());
  network.initialise<float>(key.with("weights"), state.arena);
  state.losses.resize(static_cast<std::size_t>(plan.shards()));
  return state;
}

NetworkFit::NetworkFit(Assignment const& assignment, data::Rows rows, data::Rows validation,
                       Key key, FitOptions const& options)
    : assignment_{assignment},
      rows_{std::move(rows)},
      validation_{std::move(validation)},
      key_{key},
      options_{options},
      strategy_{strategies().make(assignment.options.parallel, assignment)},
      evaluator_{assignment.comm, assignment.network, assignment.feed},
      learning_rate_{assignment.training, assignment.plan.steps_per_epoch()} {}

std::int64_t NetworkFit::steps() const {
  return assignment_.plan.steps_per_epoch() *
         options_.last_epoch.value_or(assignment_.training.epochs);
}

void NetworkFit::start(TrainingState const& state) {
  step_ = state.step;
  epochs_ = state.epochs;
  best_epoch_ = state.best_epoch;
  std::ranges::copy(state.arena, strategy_->arena().begin());
  if (step_ > 0) strategy_->restore_optimizer(state.optimizer);
  strategy_->losses() = state.losses;
  // Weights of the best epoch that are not kept apart are those of now: an epoch has just ended.
  if (best_epoch_ > 0) best_ = state.best.empty() ? state.arena : state.best;
  last_tick_ = step_;
  next_tick_ = step_ + 1;
}

bool NetworkFit::run(FitHooks const& hooks) {
  auto const& comm = assignment_.comm;
  epoch_clock_ = {};
  epoch_use_ = strategy_->use();
  while (step_ < steps() && !is_late()) {
    perform_step();
    auto const epoch_ends = step_ % assignment_.plan.steps_per_epoch() == 0;
    if (epoch_ends) {
      finish_epoch();
      comm.together("epoch", [&] {
        if (comm.is_root() && hooks.epoch)
          comm::beat_meanwhile(comm, [&] { hooks.epoch(epochs_.back()); });
      });
    }
    if (hooks.checkpoint && checkpoint_is_due()) {
      auto const saved = state();
      comm.together("checkpoint", [&] {
        if (comm.is_root()) comm::beat_meanwhile(comm, [&] { hooks.checkpoint(saved); });
      });
    }
    if ((epoch_ends || step_ >= next_tick_) && tick(hooks)) return false;
  }
  return true;
}

void NetworkFit::perform_step() {
  auto const& plan = assignment_.plan;
  auto const epoch = step_ / plan.steps_per_epoch();
  if (order_of_ != epoch) order_ = epoch_order(rows_, key_, epoch);
  order_of_ = epoch;
  Update const update{step_ + 1, step_ % plan.steps_per_epoch(), order_, learning_rate_.at(step_),
                      key_.with("dropout").with(static_cast<std::uint64_t>(epoch))};
  auto const before = strategy_->use().compute_seconds();
  strategy_->perform(update);
  auto const rows = plan.rows_of_step(update.in_epoch);
  if (rows == plan.rows_of_step(0))  // of a few rows some ranks have none
    best_pace_ = std::min(best_pace_, (strategy_->use().compute_seconds() - before) / rows);
  rows_seen_ += rows;
  epoch_rows_ += rows;
  ++step_;
}

/// Whether early stopping has had enough.
bool NetworkFit::is_late() const {
  return options_.early_stopping && best_epoch_ > 0 &&
         std::ssize(epochs_) - best_epoch_ >= *options_.early_stopping;
}

void NetworkFit::finish_epoch() {
  strategy_->collect();
  auto row = measure_epoch();
  if (!validation_.empty()) {
    auto const loss = evaluator_.loss(strategy_->arena(), validation_);
    auto const rows = static_cast<double>(validation_.size());
    row.val_loss = loss.sum / rows;
    row.val_accuracy = static_cast<double>(loss.correct) / rows;
  }
  keep_if_best(row);
  epochs_.push_back(row);
  std::ranges::fill(strategy_->losses(), nn::Loss{});
  epoch_clock_ = {};
  epoch_rows_ = 0;
  epoch_use_ = strategy_->use();
}

/// Collective. The row without validation, the same on every rank.
EpochRow NetworkFit::measure_epoch() {
  auto const& comm = assignment_.comm;
  auto const use = strategy_->use();
  auto const seconds = epoch_clock_.seconds();
  auto const updates = use.update_seconds - epoch_use_.update_seconds;
  auto const exposed = use.exposed_seconds - epoch_use_.exposed_seconds;
  auto const counted = strategy_->counted_shards();
  auto const& losses = strategy_->losses();
  EpochPart const mine{{losses.begin() + counted.first, losses.begin() + counted.end},
                       updates - exposed,
                       exposed,
                       seconds - updates};
  EpochRow row;
  auto const parts = comm.gather(mine);
  auto const ranks = static_cast<double>(parts.size());
  auto const rows = static_cast<double>(rows_.size());
  std::int64_t correct = 0;
  for (auto const& part : parts) {  // rank after rank, which is shard after shard
    for (auto const& loss : part.losses) row.loss += loss.sum, correct += loss.correct;
    row.compute_seconds += part.compute_seconds / ranks;
    row.exposed_comm_seconds += part.exposed_seconds / ranks;
    row.idle_seconds += part.idle_seconds / ranks;
  }
  row.epoch = step_ / assignment_.plan.steps_per_epoch();
  row.lr = learning_rate_.at(step_ - 1);
  row.loss /= rows;
  row.accuracy = static_cast<double>(correct) / rows;
  row.samples_per_second = static_cast<double>(epoch_rows_) / std::max(seconds, 1e-9);
  return comm.broadcast(row);
}

void NetworkFit::keep_if_best(EpochRow const& row) {
  if (validation_.empty()) return;
  if (best_epoch_ > 0 && !is_better(row, epochs_[static_cast<std::size_t>(best_epoch_ - 1)]))
    return;
  best_epoch_ = row.epoch;
  if (assignment_.comm.is_root())
    best_.assign(strategy_->arena().begin(), strategy_->arena().end());
}

bool NetworkFit::checkpoint_is_due() const {
  if (options_.checkpoint_every <= 0 || step_ == steps()) return false;
  auto const every =
      options_.checkpoint_every * static_cast<double>(assignment_.plan.steps_per_epoch());
  return std::floor(static_cast<double>(step_) / every) >
         std::floor(static_cast<double>(step_ - 1) / every);
}

/// Collective. Lets the root look around; true when all are to stop.
bool NetworkFit::tick(FitHooks const& hooks) {
  auto const& comm = assignment_.comm;
  Tick tick{};
  comm.together("progress", [&] {
    if (!comm.is_root()) return;
    if (hooks.watch)
      hooks.watch({step_, steps(), assignment_.plan.steps_per_epoch(), assignment_.plan.batch()});
    tick.stop = hooks.interrupted && hooks.interrupted();
    auto const pace =
        tick_clock_.seconds() / static_cast<double>(std::max<std::int64_t>(1, step_ - last_tick_));
    tick_clock_ = {};
    tick.next = step_ + std::clamp<std::int64_t>(std::llround(tick_seconds / std::max(pace, 1e-6)),
                                                 1, 1 << 16);
  });
  tick = comm.broadcast(tick);
  last_tick_ = step_;
  next_tick_ = tick.next;
  return tick.stop && step_ < steps();
}

TrainingState NetworkFit::state() {
  auto const& comm = assignment_.comm;
  strategy_->collect();
  TrainingState state;
  state.step = step_;
  state.arena.assign(strategy_->arena().begin(), strategy_->arena().end());
  state.optimizer = gather_state(comm, strategy_->optimizer_state(), state.arena.size());
  auto const counted = strategy_->counted_shards();
  auto const& mine = strategy_->losses();
  for (auto const& losses :
       comm.gather(std::vector<nn::Loss>{mine.begin() + counted.first, mine.begin() + counted.end}))
    state.losses.insert(state.losses.end(), losses.begin(), losses.end());
  state.epochs = epochs_;
  state.best_epoch = best_epoch_;
  if (best_ != state.arena) state.best = best_;
  return state;
}

std::vector<float> NetworkFit::weights() {
  strategy_->collect();
  std::vector<float> arena{strategy_->arena().begin(), strategy_->arena().end()};
  if (best_epoch_ == 0) return arena;
  return assignment_.comm.broadcast(best_);
}

}  // namespace canopy::train
