#include "canopy/app/tune.hpp"
#include "canopy/core/idle_options.hpp"

namespace canopy::app {
namespace {

/// What a simulation takes from its table, or has no work for. --progress and --quiet are no part
/// of it: they say how much is shown, of whatever there is.
std::vector<std::string> of_no_use_to_a_simulation() {
  std::vector<std::string> names{
      "test-size",       "model",           "folds",    "repeats",      "scoring",
      "refit",           "time-limit",      "walltime", "task-timeout", "task-memory",
      "ranks-per-trial", "verdict-repeats", "resume"};
  data::Source source;
  Options rows;
  source.describe(rows);
  for (auto const& name : rows.names()) names.push_back(name);
  return names;
}

}  // namespace

void TuneSettings::describe(Options& o) {
  o.group("Data");
  source.describe(o);
  o.row("test-size", test_size, "share of rows kept out of the search to score the final model on",
        between(0.0, 0.9));
  search.describe(o);
  simulation.describe(o);
  common.describe(o);
}

void TuneSettings::check() const {
  common.check();
  search.check();
  bool const simulates = !simulation.simulate.empty();
  if (simulates && (search.space || search.slices || search.race == "rows"))
    throw UserError{
        "--simulate takes the space and the folds from its table, which knows neither slices nor "
        "which rows were right; leave [space], --slices and --race rows out"};
  std::vector<IdleOptions> const rules{
      {{"ranks", "seeds", "per-result"},
       !simulates,
       "there is no --simulate, whose cluster it describes",
       "set --simulate FILE.h5"},
      {of_no_use_to_a_simulation(), simulates,
       "--simulate looks folds up in " + simulation.simulate + " instead of computing them", ""},
  };
  refuse_idle(*this, rules);
}

}  // namespace canopy::app
