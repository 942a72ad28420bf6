#include "canopy/app/common.hpp"

#include "canopy/core/output_file.hpp"

namespace canopy::app {

void CommonSettings::describe(Options& o) {
  auto const yes_or_no = any<bool>("true or false");
  o.group("Run");
  o.row("seed", seed, "fixes all randomness", at_least(std::uint64_t{0}));
  o.row("out", out, "run file; empty: results/COMMAND-YYYYMMDD-HHMMSS.h5",
        any<std::string>("FILE.h5"))
      .is_recorded = false;
  o.row("overwrite", overwrite, "replace an existing run file", yes_or_no).is_recorded = false;
  o.row("resume", resume, "go on where a stopped or killed run left off", yes_or_no).is_recorded =
      false;
  o.row("quiet", quiet, "print nothing but errors", yes_or_no).is_recorded = false;
  o.row("progress", progress, "what is shown meanwhile",
        any<ProgressMode>("auto, bar, lines or none"))
      .is_recorded = false;
}

void CommonSettings::check() const {
  check_output("--out", out, ".h5");
}

}  // namespace canopy::app
