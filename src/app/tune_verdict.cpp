#include "tune_verdict.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/tune/fresh_folds.hpp"

namespace canopy::app {

namespace {

std::vector<double> scores(tune::Trial const& trial) {
  std::vector<double> all;
  for (auto const& fold : trial.folds) all.push_back(fold->score);
  return all;
}

}  // namespace

void VerdictMaker::make(VerdictPlace const& place, std::vector<tune::Trial> const& trials,
                        tune::Trial const& best) {
  if (settings_.search.verdict_repeats == 0) return;
  place.phases.begin("verdict");
  if (!compare_in_fresh_folds(place, trials, best)) return;
  place.phases.begin("hold-out");
  compare_on_unseen_rows(place, trials.front(), best);
  place.phases.end();
  verdict_ = tune::judge(findings_);
}

bool VerdictMaker::compare_in_fresh_folds(VerdictPlace const& place,
                                          std::vector<tune::Trial> const& trials,
                                          tune::Trial const& best) {
  using tune::Trial;
  auto const& search = settings_.search;
  std::vector<Trial> pair{trials.front(), best};
  if (pair.front().status == Trial::Status::complete && best.id != pair.front().id)
    pair = tune::in_fresh_folds(place.farm, place.journal, place.records, std::move(pair),
                                search.folds * search.verdict_repeats, place.interrupted);
  for (auto const& trial : pair) {
    if (trial.status == Trial::Status::complete) continue;
    remark_ =
        fmt::format("no verdict, for trial {} was not completed: {}", trial.id, trial.stop_reason);
    return false;
  }
  findings_.scoring = search.scoring;
  findings_.trials = static_cast<int>(
      std::ranges::count_if(trials, [](Trial const& t) { return t.folds_done() > 0; }));
  findings_.best = best.id;
  findings_.search = best.mean_score();
  findings_.folds = search.folds;
  if (best.id != pair.front().id) {
    findings_.fresh_initial = scores(pair.front());
    findings_.fresh_best = scores(pair.back());
  }
  findings_.confusion = pair.back().confusion();
  return true;
}

void VerdictMaker::compare_on_unseen_rows(VerdictPlace const& place, tune::Trial const& initial,
                                          tune::Trial const& best) {
  throw_if_stopped(place.interrupted);
  auto unseen = task_.compare_on_unseen({place.farm, bench_, place.interrupted, place.phases},
                                        initial.configuration, best.configuration);
  findings_.held_out = std::move(unseen.rows);
  remark_ = std::move(unseen.why_none);
}

bool VerdictMaker::keeps_default() const {
  return verdict_ && !verdict_->is_better && findings_.best != 0;
}

std::optional<Table> VerdictMaker::table() const {
  if (!verdict_) return {};
  return tune::verdict_table(findings_, *verdict_);
}

std::string VerdictMaker::text() const {
  std::vector<std::string> lines;
  if (verdict_) lines = verdict_->sentences;
  if (!remark_.empty()) lines.push_back(remark_);
  return lines.empty() ? "" : fmt::format("verdict  {}\n", text::join(lines, "\n         "));
}

}  // namespace canopy::app
