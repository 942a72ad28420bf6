// Grows one forest for sklearn_equal.py:
//   grow_forest DATA OUT.h5 SEED [PARAMETER VALUE]...
// DATA as for `canopy --data`; parameters by their names in `canopy tune --help`, and sample-weight
// with a text file of a number per row. Leaves /forest (see Forest::to_arrays), /nodes (every field
// of every node, tree by tree) and /outcome: proba [rows, classes], importances, fit_seconds (of
// the processor), and with oob-score oob_score and oob_proba.
#include <cstdio>
#include <ctime>
#include <fstream>
#include <type_traits>

#include "canopy/data/source.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/store/arrays.hpp"

#include "driver.hpp"

namespace {

using namespace canopy;
using namespace canopy::peers;

void put(NamedArrays& arrays, std::string const& name, Eigen::MatrixXd const& matrix) {
  std::vector<double> values;
  for (auto const& row : matrix.rowwise()) values.insert(values.end(), row.begin(), row.end());
  arrays.put(name, std::move(values), {matrix.rows(), matrix.cols()});
}

NamedArrays nodes_of(forest::Forest const& forest) {
  NamedArrays arrays;
  std::vector<std::int64_t> offsets{0};
  std::vector<double> values;
  for (auto const& tree : forest.trees()) {
    offsets.push_back(offsets.back() + static_cast<std::int64_t>(tree.size()));
    auto const of_tree = tree.all_values();
    values.insert(values.end(), of_tree.begin(), of_tree.end());
  }
  arrays.put("tree_offsets", offsets);
  arrays.put("values", std::move(values), {offsets.back(), forest.classes()});
  auto const put_field = [&](std::string const& name, auto field) {
    std::vector<std::remove_cvref_t<decltype(forest::Node{}.*field)>> column;
    for (auto const& tree : forest.trees())
      for (auto const& node : tree.nodes) column.push_back(node.*field);
    arrays.put(name, std::move(column));
  };
  put_field("feature", &forest::Node::feature);
  put_field("threshold", &forest::Node::threshold);
  put_field("left", &forest::Node::left);
  put_field("right", &forest::Node::right);
  put_field("samples", &forest::Node::samples);
  put_field("weight", &forest::Node::weight);
  put_field("impurity", &forest::Node::impurity);
  return arrays;
}

std::vector<double> numbers_in(std::string const& path) {
  std::ifstream file{path};
  std::vector<double> numbers;
  for (std::string line; std::getline(file, line);) numbers.push_back(std::stod(line));
  return numbers;
}

struct Settings {
  forest::ForestParameters parameters;
  std::vector<double> weights;
};

Settings settings_from(std::span<char*> words) {
  Settings settings;
  Options options;
  settings.parameters.describe(options);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    if (std::string{words[i]} == "sample-weight")
      settings.weights = numbers_in(words[i + 1]);
    else
      options.set(words[i], words[i + 1]);
  return settings;
}

void run(std::span<char*> words) {
  data::Source source;
  source.data = words[1];
  auto const loaded = data::load(source, 0);
  auto const table = data::EncodedTable::encode(loaded.train);
  auto const rows = first_rows(table.rows());
  auto const [parameters, weights] = settings_from(words.subspan(4));
  Key const key{std::stoull(words[3])};
  auto const start = std::clock();
  auto trees =
      forest::grow_trees(table, {rows, weights}, parameters, key, 0, parameters.n_estimators);
  NamedArrays outcome;
  outcome.put("fit_seconds",
              std::vector{static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC});
  forest::Forest const model{parameters, std::move(trees), loaded.train.class_names,
                             loaded.train.feature_names};
  put(outcome, "proba", model.predict_proba(table, rows));
  outcome.put("importances", model.feature_importances());
  if (parameters.oob_score) {
    auto const oob = model.out_of_bag(table, rows, key);
    put(outcome, "oob_proba", oob.decision_function);
    outcome.put("oob_score", std::vector{oob.score});
  }
  auto file = store::File::create(words[2]);
  file.write("/forest", model.to_arrays());
  file.write("/nodes", nodes_of(model));
  file.write("/outcome", outcome);
  file.close();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4 || argc % 2 != 0) {
    std::fputs("usage: grow_forest DATA OUT.h5 SEED [PARAMETER VALUE]...\n", stderr);
    return 2;
  }
  run({argv, static_cast<std::size_t>(argc)});
} catch (std::exception const& e) {
  std::fprintf(stderr, "grow_forest: %s\n", e.what());
  return 1;
}
