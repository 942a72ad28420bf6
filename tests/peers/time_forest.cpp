// Times one forest for forest_speed.py:
//   time_forest DATA DATA_DIR ROWS PREDICT SEED [PARAMETER VALUE]...
// DATA as for `canopy --data`, ROWS the number of its first rows to learn from (0: all), PREDICT
// the number of its first rows to predict (0: none), parameters by their names in `canopy tune
// --help`. Prints seconds and counts as one line of JSON; fit_cpu and predict are the processor's.
#include <cstdio>

#include <fmt/format.h>

#include "canopy/core/clock.hpp"
#include "canopy/data/source.hpp"
#include "canopy/forest/forest.hpp"

#include "driver.hpp"

namespace {

using namespace canopy;
using namespace canopy::peers;

constexpr int predictions = 3;  ///< of the same rows; `predict` is the mean of their seconds

/// Encodes and lets go of the features, as every command does.
data::EncodedTable encoded(data::Source const& source, double& load, double& encode,
                           data::Dataset& names) {
  Stopwatch watch;
  auto loaded = data::load(source, 0);
  load = watch.seconds();
  watch = {};
  auto table = data::EncodedTable::encode(loaded.train);
  encode = watch.seconds();
  names.class_names = loaded.train.class_names;
  names.feature_names = loaded.train.feature_names;
  return table;
}

void run(std::span<char*> words) {
  data::Source source;
  source.data = words[1];
  source.data_dir = words[2];
  double load = 0;
  double encode = 0;
  data::Dataset names;
  auto const table = encoded(source, load, encode, names);
  auto const parameters = parameters_from(words.subspan(6));
  auto const learn = std::stoll(words[3]);
  auto const rows = first_rows(learn == 0 ? table.rows() : learn);
  Stopwatch watch;
  auto const cpu = process_cpu_seconds();
  forest::Forest const model{parameters,
                             forest::grow_trees(table, rows, parameters, Key{std::stoull(words[5])},
                                                0, parameters.n_estimators),
                             names.class_names, names.feature_names};
  auto const fit = watch.seconds();
  auto const fit_cpu = process_cpu_seconds() - cpu;
  auto const peak = max_resident_bytes();
  double predict = 0;
  if (std::string{words[4]} != "0") {
    auto const asked = first_rows(std::stoll(words[4]));
    auto const before = process_cpu_seconds();
    for (int i = 0; i < predictions; ++i) auto const proba = model.predict_proba(table, asked);
    predict = (process_cpu_seconds() - before) / predictions;
  }
  fmt::print(
      "{{\"load\": {}, \"encode\": {}, \"fit\": {}, \"fit_cpu\": {}, \"predict\": {}, \"peak\": "
      "{}, \"nodes\": {}, "
      "\"encoded_bytes\": {}}}\n",
      load, encode, fit, fit_cpu, predict, peak, model.nodes(), table.bytes().size());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 6 || argc % 2 != 0) {
    std::fputs("usage: time_forest DATA DATA_DIR ROWS PREDICT SEED [PARAMETER VALUE]...\n", stderr);
    return 2;
  }
  run({argv, static_cast<std::size_t>(argc)});
} catch (std::exception const& e) {
  std::fprintf(stderr, "time_forest: %s\n", e.what());
  return 1;
}
