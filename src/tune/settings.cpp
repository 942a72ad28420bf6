#include "canopy/tune/settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "canopy/core/idle_options.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/forest/parameters.hpp"
#include "canopy/tune/learner.hpp"
#include "canopy/tune/network_learner.hpp"
#include "canopy/tune/race.hpp"
#include "canopy/tune/sampler.hpp"
#include "canopy/tune/scheduler.hpp"

namespace canopy::tune {

namespace {

/// What [space] may name, from the rows that check it.
template <class Parameters>
std::string parameter_help(std::string const& models, Parameters parameters) {
  Options rows;
  parameters.describe(rows);
  auto text = "\n  Parameters of " + models + " (range) [default]:\n";
  for (auto const& row : rows.rows())
    text += fmt::format("    {:<26}{} ({}) [{}]\n", text::replace_all(row.name, '-', '_'), row.help,
                        row.range, row.initial);
  return text;
}

std::vector<IdleOptions> idle_options(SearchSettings const& s) {
  bool const is_forest = !is_network(s.model);
  bool const sampler_looks = samplers().make(s.search, {Space{}, Key{0}, 1})->looks_back();
  bool const looks = sampler_looks || s.race != "none" || s.scheduler != "none";
  return {
      {{"slices"},
       !is_forest,
       "--model is " + s.model + ", and --slices is for forests: one fit tells no other network",
       ""},
      {{"ranks-per-trial"},
       is_forest,
       "--model is " + s.model + ": one rank grows a tree, and all ranks are busy with other folds",
       ""},
      {{"min-resource", "max-resource", "eta"},
       s.scheduler == "none",
       "--scheduler is none, which has no rungs",
       "set --scheduler asha"},
      {{"race-alpha", "race-margin"},
       s.race != "rows",
       "--race is " + s.race + ", which asks for no proof",
       "set --race rows"},
      {{"pending"},
       !sampler_looks,
       "--search is " + s.search + ", which learns from no trial",
       "set --search tpe"},
      {{"pending"}, s.lag == 1, "--lag is 1, so that no trial is pending", "set a higher --lag"},
      {{"lag"},
       !looks,
       "no --search, --scheduler or --race here decides by outcomes",
       "set one that does"},
  };
}

}  // namespace

void SearchSettings::describe(Options& o) {
  Rule<std::optional<int>> const some{"None or at least 1",
                                      [](auto const& n) { return !n || *n > 0; }};
  o.group("Search");
  o.row("model", model, "what is tuned; a file holds a list of layers",
        {"one of " + text::join(learners().names(), ", ") + ", mlp:200-200 (any widths), FILE.toml",
         is_learner, learners().names()});
  o.row("search", search, "how configurations are chosen", one_of(samplers().names()));
  constexpr int most_trials = 1'000'000;  // all of a search that does not look stand in memory
  o.row("trials", trials, "configurations to try, the default (trial 0) included",
        {"at least 1 and at most 1,000,000",
         [](int const& n) { return n >= 1 && n <= most_trials; }});
  o.row("points", points, "CSV file of configurations to try first", any<std::string>("FILE"));
  o.row("pending", pending, "what a sampler that learns makes of trials that are not back",
        any<Pending>("one of liar, fantasies, ignore"));
  o.row("folds", folds, "parts of the stratified cross-validation", at_least(2));
  o.row("repeats", repeats, "fresh divisions into folds", at_least(1));
  o.row("scoring", scoring, "what is maximised", one_of(data::scoring_names()));
  o.row("verdict-repeats", verdict_repeats,
        "fresh divisions into folds on which the best is compared with the default; 0: no verdict",
        at_least(0));
  o.row("refit", refit,
        "whose model is saved: that of the trial which the verdict advises, so the default's when "
        "nothing is proven better; or that of the best trial anyhow",
        one_of({"advised", "best"}));
  o.group("Search with less work");
  o.row("slices", slices,
        "score all n_estimators, max_depth, min_samples_split and min_impurity_decrease of the "
        "space's grid from one fit (forests)",
        any<bool>("true or false"));
  o.row("scheduler", scheduler, "who gets how many trees (n_estimators) or epochs",
        one_of(schedulers().names()));
  o.row("eta", eta, "one in eta goes on to eta times as many", at_least(1.1));
  o.row("min-resource", min_resource,
        "trees or epochs of the lowest rung; None: three rungs below the highest", some);
  o.row("max-resource", max_resource, "of the highest rung; None: the model's default", some);
  o.row("race", race, "which trials are not worth their next fold", one_of(races().names()));
  o.row("race-alpha", race_alpha, "rows: chance to lose the best trial", between(1e-9, 1.0));
  o.row("race-margin", race_margin,
        "rows: share of rows by which a trial has to beat the best so far", between(0.0, 0.5));
  o.row("lag", lag,
        "decision i knows the outcome of decisions up to i - lag; None: of what has come, so that "
        "runs differ",
        some);
  o.row("ranks-per-trial", ranks_per_trial,
        "ranks that train a network together, each with a part of every batch; a list goes by rung "
        "(1,2,4). The results are the same",
        {"numbers of at least 1, joined by commas",
         [](auto const& list) { return !list.empty() && std::ranges::min(list) >= 1; }});
  o.group("Stop rules");
  Rule<std::optional<double>> const seconds{"None or seconds above 0",
                                            [](auto const& s) { return !s || *s > 0; }};
  o.row("time-limit", time_limit, "seconds of search; then refit and finish (exit 0)", seconds);
  o.row("walltime", walltime,
        "seconds until the allocation ends: save and leave with exit 75; "
        "Slurm's end time - 60 s if it is known",
        seconds);
  o.row("task-timeout", task_timeout, "seconds that one fold may take; beyond, its trial fails",
        seconds);
  o.row("task-memory", task_memory,
        "MB of memory that one fold may need beside the data; beyond, its trial fails",
        {"None or MB above 0", [](auto const& mb) { return !mb || *mb > 0; }});
  o.section(
      {"space",
       "  What the search varies, one line per parameter; without it the model's default\n"
       "  space is searched. Each line is a range, a list of values, or one fixed value:\n"
       "    n_estimators = { type = \"int\", low = 50, high = 300 }\n"
       "    max_depth = { type = \"int\", low = 10, high = 40, also = [\"None\"] }\n"
       "    min_impurity_decrease = { type = \"float\", low = 1e-6, high = 1e-2, log = true }\n"
       "    max_features = [\"sqrt\", \"log2\", 0.2, 0.4]\n"
       "    max_samples = { type = \"float\", low = 0.5, high = 1.0, if = \"bootstrap\", is = "
       "[true] }\n"
       "    criterion = \"gini\"\n" +
           parameter_help("forest and extra_trees", forest::ForestParameters{}) +
           parameter_help("networks", NetworkParameters{"mlp"}),
       [this](TomlNode const& table) { space = Space::from_toml(table); },
       [this] { return space ? space->to_toml() : std::string{}; }});
}

int SearchSettings::most_ranks_per_trial() const {
  return std::ranges::max(ranks_per_trial);
}

void SearchSettings::check() const {
  if (slices && scheduler != "none")
    throw UserError{fmt::format(
        "--slices scores all numbers of trees from one fit, so there is nothing left for "
        "--scheduler {} to save; leave one of them out",
        scheduler)};
  if (slices && race == "rows")
    throw UserError{
        "--race rows compares the rows that one model predicts right and --slices scores many from "
        "one fit; use --race forgiving"};
  if (min_resource && max_resource && *min_resource > *max_resource)
    throw UserError{
        fmt::format("--min-resource is {}, above --max-resource {}", *min_resource, *max_resource)};
  refuse_idle(*this, idle_options(*this));
}

}  // namespace canopy::tune
