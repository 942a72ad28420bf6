#pragma once

#include <string>

#include "canopy/app/train.hpp"
#include "canopy/record/run_record.hpp"

#include "app/out_file.hpp"
#include "app/run_text.hpp"

namespace canopy::test {

inline app::TrainSettings small_forest(OutFile const& out) {
  app::TrainSettings settings;
  settings.source.data = "synthetic:forest-cover,rows=600";
  settings.common.seed = 11;
  settings.common.quiet = true;
  settings.common.out = out.path();
  settings.forest.n_estimators = 30;
  settings.forest.oob_score = true;
  return settings;
}

/// Everything of a record that must not depend on who grew what when.
inline std::string essence(record::RunRecord const& run) {
  std::string text;
  for (auto const* name : {"evaluation", "confusion", "importances"})
    text += std::string{name} + '\n' + text_of(*run.table(name));
  return text + "model\n" + text_of(*run.model_row);
}

}  // namespace canopy::test
