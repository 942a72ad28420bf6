// Grows one forest for oob_and_importances.py:
//   oob_and_importances DATA OUT.h5 SEED REPEATS [PARAMETER VALUE]...
// DATA as for `canopy --data`; parameters by their names in `canopy tune --help`. Leaves in
// /outcome the oob_curve [trees] and, over all rows of DATA by accuracy, baseline, importances
// [features, repeats], mean and std [features], and the orders [features, repeats, rows] in which
// the columns were read.
#include <cstdio>

#include "canopy/data/source.hpp"
#include "canopy/forest/importances.hpp"
#include "canopy/store/arrays.hpp"

#include "driver.hpp"

namespace {

using namespace canopy;
using namespace canopy::peers;

std::vector<double> row_by_row(Eigen::MatrixXd const& matrix) {
  std::vector<double> values;
  for (auto const& row : matrix.rowwise()) values.insert(values.end(), row.begin(), row.end());
  return values;
}

void run(std::span<char*> words) {
  data::Source source;
  source.data = words[1];
  auto const set = data::load(source, 0).train;
  auto const table = data::EncodedTable::encode(set);
  auto const rows = first_rows(table.rows());
  auto const parameters = parameters_from(words.subspan(5));
  Key const key{std::stoull(words[3])};
  auto const repeats = std::stoi(words[4]);
  forest::Forest const forest{
      parameters, forest::grow_trees(table, rows, parameters, key, 0, parameters.n_estimators),
      set.class_names, set.feature_names};
  auto const result =
      forest::permutation_importances(forest, table, rows, "accuracy", repeats, key);
  std::vector<std::uint32_t> orders;
  for (int f = 0; f < set.columns(); ++f)
    for (int r = 0; r < repeats; ++r) {
      auto const order = forest::permuted_rows(key, f, r, rows.size());
      orders.insert(orders.end(), order.begin(), order.end());
    }
  NamedArrays outcome;
  if (parameters.uses_bootstrap()) outcome.put("oob_curve", forest.oob_curve(table, rows, key));
  outcome.put("baseline", std::vector{result.baseline});
  outcome.put("importances", row_by_row(result.importances), {set.columns(), repeats});
  outcome.put("mean", std::vector<double>{result.mean.begin(), result.mean.end()});
  outcome.put("std", std::vector<double>{result.std.begin(), result.std.end()});
  outcome.put("orders", std::move(orders), {set.columns(), repeats, set.rows()});
  auto file = store::File::create(words[2]);
  file.write("/outcome", outcome);
  file.close();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5 || argc % 2 != 1) {
    std::fputs("usage: oob_and_importances DATA OUT.h5 SEED REPEATS [PARAMETER VALUE]...\n",
               stderr);
    return 2;
  }
  run({argv, static_cast<std::size_t>(argc)});
} catch (std::exception const& e) {
  std::fprintf(stderr, "oob_and_importances: %s\n", e.what());
  return 1;
}
