#include <string>
#include <vector>

#include <fmt/format.h>

#include "canopy/app/federate.hpp"
#include "canopy/core/text.hpp"
#include "canopy/nn/architecture.hpp"

namespace canopy::app {

void FederateSettings::describe(Options& o) {
  common.describe(o);
  o.group("Data");
  source.describe(o);
  o.row("test-size", test_size,
        "share of the rows that no client has and the model is tested on; None: 0.2, or 0 for data "
        "that come with a test set",
        {"None or at least 0 and less than 1",
         [](auto const& x) { return !x || (*x >= 0 && *x < 1); }});
  o.group("Model");
  o.row("model", model, "softmax, mlp, mlp:200-200, lenet, cnn or FILE.toml with a layer list",
        any<std::string>("NAME|FILE.toml"));
  o.row("scaling", scaling,
        "standard: inputs by mean and deviation over the rows of all clients; unit: pixels to 0 .. "
        "1, "
        "which needs no knowledge of them",
        one_of({"standard", "unit"}));
  o.row("from-model", from_model,
        "begin with the model of a run file, or with one of its trail by the beginning of its id",
        any<std::string>("RUN.h5[:ID]"));
  federation.describe(o);
  o.group("Run");
  o.row("checkpoint-every", checkpoint_every,
        "rounds between saves that --resume goes on from, on any ranks; 0: none",
        at_least(std::int64_t{0}));
  o.row("walltime", walltime, "seconds after which to save and leave with status 75",
        {"None or more than 0", [](auto const& x) { return !x || *x > 0; }});
  o.row("dry-run", dry_run, "print which rank would do what, and leave", any<bool>("true or false"))
      .is_recorded = false;
  o.row("preview", preview, "print which rows the clients would have, and leave",
        any<bool>("true or false"))
      .is_recorded = false;
}

void FederateSettings::check() const {
  common.check();
  federation.check();
  if (!model.ends_with(".toml") && !nn::is_network(model)) {
    std::vector<std::string> names;
    for (auto const& known : nn::named_models()) names.push_back(known.name);
    throw UserError{fmt::format("--model is '{}'{}, expected one of {}, or FILE.toml", model,
                                text::did_you_mean(model, names), text::join(names, ", "))};
  }
}

}  // namespace canopy::app
