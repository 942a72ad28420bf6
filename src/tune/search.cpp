#include "canopy/tune/search.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy::tune {
namespace {

std::string to_hex(std::vector<std::uint64_t> const& words) {
  std::string text;
  for (auto const word : words) text += fmt::format("{:016x}", word);
  return text;
}

std::vector<std::uint64_t> from_hex(std::string const& text) {
  std::vector<std::uint64_t> words;
  for (std::size_t at = 0; at + 16 <= text.size(); at += 16)
    words.push_back(std::stoull(text.substr(at, 16), nullptr, 16));
  return words;
}

nlohmann::json to_record(TaskRow const& row, std::optional<FoldScore> const& score,
                         std::string const& error) {
  nlohmann::json record{{"kind", "fold"},         {"trial", row.trial},
                        {"fold", row.fold},       {"resource", row.resource},
                        {"rank", row.rank},       {"queued", row.queued},
                        {"started", row.started}, {"finished", row.finished}};
  if (!score) {
    record["error"] = error;
    return record;
  }
  record.update({{"score", score->score},
                 {"fit_time", score->fit_time},
                 {"score_time", score->score_time},
                 {"confusion", score->confusion},
                 {"right", to_hex(score->right)}});
  if (!score->slices.empty()) record["slices"] = score->slices;
  return record;
}

constexpr char time_limit[] = "time_limit";

struct FoldRecord {
  TaskRow row;
  std::optional<FoldScore> score;
  std::string error;
};

FoldRecord from_record(nlohmann::json const& record) {
  FoldRecord fold;
  fold.row = {record.at("trial"),  record.at("fold"),    record.at("resource"), record.at("rank"),
              record.at("queued"), record.at("started"), record.at("finished")};
  if (record.contains("error"))
    fold.error = record.at("error");
  else
    fold.score =
        FoldScore{record.at("score"),           record.at("fit_time"),
                  record.at("score_time"),      record.at("confusion"),
                  from_hex(record.at("right")), record.value("slices", std::vector<double>{})};
  return fold;
}

}  // namespace

Search::Search(comm::Farm& farm, record::Journal& journal, SearchPlan plan, int block)
    : farm_{farm},
      journal_{journal},
      plan_{std::move(plan)},
      parameters_{plan_.parameters()},
      block_{block} {}

int Search::folds_total() const {
  auto const& trials = plan_.trials();
  auto const to_come = plan_.trials_expected() - static_cast<int>(trials.size());
  auto const each = trials.empty() ? 0 : static_cast<int>(trials.front().folds.size());
  return plan_.folds_handed_out() + to_come * each;
}

double Search::cost_ahead() const {
  auto const begun = std::max<std::size_t>(1, plan_.trials().size());
  auto const to_come = plan_.trials_expected() - static_cast<double>(plan_.trials().size());
  return cost_queued_ - cost_known_ + cost_queued_ / static_cast<double>(begun) * to_come;
}

double Search::seconds_left() const {
  return cost_done_ > 0 ? farm_.seconds() / cost_done_ * cost_ahead() : empty_cell;
}

/// Folds may have come before others that their trial waited for, but these are there as well.
void Search::restore(record::JournalRecords const& records) {
  using Name = std::tuple<int, int, int>;
  std::map<Name, FoldId> ready;
  std::map<Name, FoldRecord> known;
  std::vector<FoldId> due;
  auto const name_of = [&](FoldId fold) {
    return Name{plan_.trial(fold).id, plan_.trial(fold).resource, fold.fold};
  };
  auto const open = [&](std::vector<FoldId> const& folds) {
    for (auto const fold : folds) {
      if (known.contains(name_of(fold)))
        due.push_back(fold);
      else
        ready.emplace(name_of(fold), fold);
    }
  };
  open(plan_.advance(plan_.is_reproducible()));
  std::map<int, std::string> statuses;
  records.each([&](nlohmann::json const& record) {
    if (record.at("kind") == "trial") statuses[record.at("trial")] = record.at("status");
    if (record.at("kind") == "decision") open(plan_.advance());
    if (record.at("kind") == "ended") plan_.end_early(time_limit);
    if (record.at("kind") == "abandoned") {
      auto const waiting =
          ready.extract(Name{record.at("trial"), record.at("resource"), record.at("fold")});
      if (waiting) plan_.abandon(waiting.mapped(), time_limit);
      open(plan_.advance(plan_.is_reproducible()));
    }
    if (record.at("kind") != "fold") return;
    auto fold = from_record(record);
    Name const name{fold.row.trial, fold.row.resource, fold.row.fold};
    offset_ = std::max(offset_, fold.row.finished);
    known.insert_or_assign(name, std::move(fold));
    if (auto const waiting = ready.extract(name)) due.push_back(waiting.mapped());
    while (!due.empty()) {
      auto const id = due.back();
      due.pop_back();
      auto const told = known.extract(name_of(id));
      store(id, told.mapped().row, told.mapped().score, told.mapped().error);
      ++restored_;
      open(plan_.advance(plan_.is_reproducible()));
    }
  });
  if (!known.empty())
    throw DataError{
        "the journal tells of a fold that this search does not have, so it is another search's or "
        "another version's; --overwrite begins anew"};
  told_ = statuses.size();
  for (auto const& [number, status] : statuses) {
    using enum Trial::Status;
    auto const place = static_cast<std::size_t>(number);
    if (status == to_text(running) ||
        (place < plan_.trials().size() && plan_.trials()[place].status == running))
      going_.push_back(number);
  }
  std::vector<FoldId> rest;
  for (auto const& [name, fold] : ready) rest.push_back(fold);
  std::ranges::sort(rest);
  enqueue(rest);
}

void Search::advance(bool hungry) {
  auto const before = plan_.decisions();
  enqueue(plan_.advance(hungry));
  if (plan_.decisions() > before || told_ < plan_.trials().size()) tell_of_decisions();
  if (!plan_.is_reproducible() && plan_.decisions() > before)
    journal_.append({{"kind", "decision"}});
}

/// What each trial is, and what became of it: for those who read the journal meanwhile. A search
/// that goes on finds out by itself.
void Search::tell_of_decisions() {
  auto const& trials = plan_.trials();
  std::erase_if(going_, [&](int number) {
    auto const& trial = trials[static_cast<std::size_t>(number)];
    if (trial.status == Trial::Status::running) return false;
    journal_.append(record_of(trial));
    return true;
  });
  for (; told_ < trials.size(); ++told_) {
    auto const& trial = trials[told_];
    journal_.append(record_of(trial));
    if (trial.status == Trial::Status::running) going_.push_back(trial.id);
  }
}

nlohmann::json Search::record_of(Trial const& trial) const {
  auto parameters = nlohmann::json::array();
  for (auto const& name : parameters_)
    if (auto const* value = find(trial.configuration, name)) parameters.push_back({name, *value});
  return {{"kind", "trial"},
          {"trial", trial.id},
          {"origin", trial.origin},
          {"status", to_text(trial.status)},
          {"stop_reason", trial.stop_reason},
          {"parameters", parameters}};
}

void Search::enqueue(std::vector<FoldId> const& folds) {
  for (auto const fold : folds) {
    queue_.push_back({fold, plan_.cost(fold)});
    cost_queued_ += queue_.back().cost;
  }
}

Task Search::task_for(FoldId fold) const {
  Task task{Task::Kind::fold, plan_.configuration(fold), fold.fold, plan_.has_slices(fold)};
  task.ranks = plan_.ranks(fold);
  return task;
}

/// The next fold, and as many more for as few ranks each as a block can do beside it.
void Search::assign_next() {
  auto const ranks = plan_.ranks(queue_.front().fold);
  auto const most = std::max(1, block_ / ranks);
  std::vector<FoldId> folds;
  Task several{Task::Kind::several};
  several.ranks = ranks;
  while (!queue_.empty() && std::ssize(folds) < most && plan_.ranks(queue_.front().fold) == ranks) {
    folds.push_back(queue_.front().fold);
    several.parts.push_back(task_for(folds.back()));
    queue_.pop_front();
  }
  auto const first = folds.front();
  auto const id = first.job * std::ssize(plan_.trial(first).folds) + first.fold;
  farm_.assign(id, to_bytes(folds.size() == 1 ? several.parts.front() : several),
               who_has_begun(first));
  assigned_[id] = std::move(folds);
}

/// It may have kept what it grew there.
std::optional<comm::Rank> Search::who_has_begun(FoldId fold) const {
  auto const found = begun_.find({plan_.trial(fold).id, fold.fold});
  return found == begun_.end() ? std::nullopt : std::optional{found->second};
}

FoldId Search::fold_of(comm::TaskId task) const {
  auto const folds = std::ssize(plan_.trials().front().folds);
  return {task / folds, static_cast<int>(task % folds)};
}

Ending Search::run(Limits const& limits, std::function<void(Search const&)> const& watch) {
  auto ending = plan_.ends_early() ? Ending::time_limit : Ending::finished;
  auto const idle = [&] {
    watch(*this);
    if (ending == Ending::interrupted || !limits.interrupted()) return;
    ending = Ending::interrupted;
    why_cancelled_ = "interrupted";
    queue_.clear();
    farm_.cancel_all();
  };
  advance(true);
  // Long ones first, but for the default, with which everything is compared. A search that may be
  // cut short keeps the order of the proposals, or it would have tried long trials only.
  if (plan_.decides_at_once() && !limits.time_limit)
    std::stable_sort(queue_.begin(), queue_.end(), [&](Waiting const& a, Waiting const& b) {
      bool const is_default[] = {plan_.trial(a.fold).id == 0, plan_.trial(b.fold).id == 0};
      return is_default[0] != is_default[1] ? is_default[0] : a.cost > b.cost;
    });
  while (!queue_.empty() || farm_.outstanding() > 0 ||
         (!plan_.finished() && ending != Ending::interrupted)) {
    if (ending != Ending::interrupted) hand_out();
    if (auto const report = farm_.wait(0.1, idle)) take(*report);
    idle();
    bool const late = limits.time_limit && seconds() > *limits.time_limit;
    if (late && ending == Ending::finished &&
        plan_.trials().front().status != Trial::Status::running) {
      ending = Ending::time_limit;
      end_by_time_limit();
    }
  }
  if (ending == Ending::interrupted) plan_.stop(why_cancelled_);
  return ending;
}

/// All that can be decided and handed out now.
void Search::hand_out() {
  std::int64_t before = 0;
  do {
    while (!queue_.empty() && farm_.wants_task()) assign_next();
    before = plan_.decisions();
    advance(queue_.empty() && farm_.wants_task());
  } while (plan_.decisions() > before || (!queue_.empty() && farm_.wants_task()));
}

/// Nothing that no worker has begun will be. The journal tells what that was, or a search that goes
/// on would begin it.
void Search::end_by_time_limit() {
  advance(false);
  why_cancelled_ = time_limit;
  journal_.append({{"kind", "ended"}});
  plan_.end_early(time_limit);
  for (auto const& waiting : std::exchange(queue_, {})) abandon(waiting.fold);
  farm_.cancel_waiting();
}

void Search::abandon(FoldId fold) {
  if (why_cancelled_ == time_limit)
    journal_.append({{"kind", "abandoned"},
                     {"trial", plan_.trial(fold).id},
                     {"resource", plan_.trial(fold).resource},
                     {"fold", fold.fold}});
  plan_.abandon(fold, why_cancelled_);
}

void Search::take(comm::TaskReport const& report) {
  auto const folds = std::move(assigned_.extract(report.task).mapped());
  using enum comm::TaskReport::Outcome;
  if (report.outcome == cancelled) {
    for (auto const fold : folds) abandon(fold);
    return;
  }
  // Whom the worker leads stands behind it in the world.
  auto const rank = report.rank.value == 0 ? 0 : 1 + (report.rank.value - 1) * block_;
  if (folds.size() == 1 || report.outcome == failed) {
    for (auto const fold : folds)
      take_fold(fold, report, {report.result, report.error, false, rank});
    return;
  }
  auto const outcomes = from_bytes<std::vector<Outcome>>(report.result);
  for (std::size_t i = 0; i < folds.size(); ++i) take_fold(folds[i], report, outcomes[i]);
}

void Search::take_fold(FoldId id, comm::TaskReport const& report, Outcome const& outcome) {
  auto const& trial = plan_.trial(id);
  TaskRow row{trial.id, id.fold, trial.resource, outcome.rank};
  row.queued = offset_ + report.queued;
  row.started = offset_ + report.started;
  row.finished = offset_ + report.finished;
  std::optional<FoldScore> score;
  if (outcome.error.empty()) score = from_bytes<FoldScore>(outcome.result);
  journal_.append(to_record(row, score, outcome.error));
  cost_done_ += plan_.cost(id);
  if (trial.resource > 0) begun_[{trial.id, id.fold}] = report.rank;
  store(id, row, std::move(score), outcome.error);
  bool const has_ended =  // not so what an interruption stops: it goes on
      trial.status != Trial::Status::running && trial.status != Trial::Status::stopped;
  if (has_ended && std::erase(going_, trial.id) > 0) journal_.append(record_of(trial));
}

void Search::store(FoldId id, TaskRow row, std::optional<FoldScore> score,
                   std::string const& error) {
  cost_known_ += plan_.cost(id);
  if (score) row.score = score->score;
  tasks_.push_back(row);
  if (score)
    plan_.settle(id, std::move(*score));
  else
    plan_.fail(id, error);
}

}  // namespace canopy::tune
