#include <fmt/format.h>

#include "canopy/app/train.hpp"
#include "canopy/core/idle_options.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/nn/architecture.hpp"

namespace canopy::app {
namespace {

std::vector<std::string> model_names() {
  std::vector<std::string> names{"forest", "extra_trees"};
  for (auto const& network : nn::named_models()) names.push_back(network.name);
  return names;
}

/// UserError naming options that were set although a model of this name has no use for them.
template <class Part>
void refuse_changes(Part part, std::string const& model) {
  Part plain;
  Options given;
  Options initial;
  part.describe(given);
  plain.describe(initial);
  std::vector<std::string> changed;
  for (std::size_t i = 0; i < given.rows().size(); ++i)
    if (auto const& row = given.rows()[i]; row.get() != initial.rows()[i].get())
      changed.push_back("--" + row.name);
  if (!changed.empty())
    throw UserError{
        fmt::format("{}: of no use to --model {}; leave it out, or choose another model",
                    text::join(changed, ", "), model)};
}

}  // namespace

void TrainSettings::check() const {
  common.check();
  std::vector<IdleOptions> const rules{
      {{"permutation-repeats"},
       !is_forest(),
       fmt::format("--model is {}, a network, and importances are those of forests", model),
       "set --model forest"},
      {{"permutation-repeats"},
       rows_sharded,
       "--rows-sharded is true, so that no rank has a feature of all rows to shuffle",
       "set --rows-sharded false"}};
  refuse_idle(*this, rules);
  if (is_forest()) return refuse_changes(network, model);
  refuse_changes(forest, model);
  network.check();
  if (rows_sharded)
    throw UserError{fmt::format(
        "--rows-sharded is true but --model is {}: it is for forests; networks share one copy of "
        "the rows per machine",
        model)};
}

void TrainSettings::describe(Options& o) {
  o.group("Data");
  source.describe(o);
  o.row("test-size", test_size,
        "share of rows to score the model on instead of learning from them; None: 0.2, or 0 for "
        "data with a test set",
        {"None or between 0 and 0.9", [](auto const& s) { return !s || (*s >= 0 && *s <= 0.9); }});
  o.group("Model");
  o.row("model", model, "what is trained; a file holds a list of layers",
        {"one of " + text::join(model_names(), ", ") + ", mlp:200-200 (any widths), FILE.toml",
         [](auto const& name) {
           return name == "forest" || name == "extra_trees" || nn::is_network(name) ||
                  name.ends_with(".toml");
         },
         model_names()});
  o.row("scoring", scoring, "what is reported beside the accuracy", one_of(data::scoring_names()));
  forest.describe(o);
  o.leave_out("kind");  // --model says it
  o.row("permutation-repeats", permutation_repeats,
        "how often each feature is shuffled, in the rows kept out or else in those learnt from, to "
        "tell its importance by what --scoring loses; 0: never",
        at_least(0));
  network.describe(o);
  o.group("Parallel forests");
  o.row("rows-sharded", rows_sharded,
        "each rank holds a part of the rows and all grow every tree together, for data larger than "
        "one machine; else each holds all rows and grows some of the trees",
        any<bool>("true or false"));
  o.group("Stop rules");
  o.row("walltime", walltime,
        "seconds until the allocation ends: save and leave with exit 75; "
        "Slurm's end time - 60 s if it is known",
        {"None or seconds above 0", [](auto const& s) { return !s || *s > 0; }});
  common.describe(o);
}

}  // namespace canopy::app
