#pragma once

#include <string>
#include <vector>

#include "canopy/core/progress.hpp"
#include "canopy/tune/search.hpp"

namespace canopy::app {

/// What a person sees of a search: the live block, and the result at the end.
class TuneView {
 public:
  TuneView(ProgressMode mode, std::string title) : progress_{mode}, title_{std::move(title)} {}

  void watch(tune::Search const& search);
  void warn(std::string const& text) { progress_.warn(text); }
  void finish() { progress_.finish(); }

 private:
  Progress progress_;
  std::string title_;
};

/// The ten best trials and what tuning brought over the default, as printed at the end.
std::string result_text(std::vector<tune::Trial> const& trials,
                        std::vector<std::string> const& parameters, std::string const& scoring);

/// Whose model was saved, and why not the one that the reader may expect. `keeps_default`: the
/// verdict advises the default although `best` is another trial.
std::string model_text(tune::Trial const& saved, tune::Trial const& best, bool keeps_default);

}  // namespace canopy::app
