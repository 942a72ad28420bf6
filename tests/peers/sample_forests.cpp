// Grows one forest for each of many seeds and measures it, for forest_statistics.py:
//   sample_forests TRAIN TEST OUT.h5 SEEDS [PARAMETER VALUE]...
// TRAIN and TEST as for `canopy --data`, of the same columns and classes; parameters by their names
// in `canopy tune --help`. Leaves in /sample, one entry per seed 0 .. SEEDS-1: accuracy on TEST;
// nodes, depth and leaf_depth (of the mean leaf), means over trees; oob_score with oob-score true;
// importances [seeds, features].
#include <cstdio>

#include "canopy/data/source.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/store/arrays.hpp"

#include "driver.hpp"

namespace {

using namespace canopy;
using namespace canopy::peers;

data::Dataset load(char const* name) {
  data::Source source;
  source.data = name;
  return data::load(source, 0).train;
}

double accuracy(forest::Forest const& forest, data::Dataset const& test) {
  auto const predicted = forest.predict(test.features);
  double right = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == test.labels[i];
  return right / static_cast<double>(predicted.size());
}

double mean_leaf_depth(forest::Tree const& tree) {
  double sum = 0;
  for (auto const& node : tree.nodes)
    if (node.is_leaf()) sum += node.depth;
  return sum / static_cast<double>(tree.leaves());
}

template <class Measure>
double mean_over_trees(forest::Forest const& forest, Measure measure) {
  double sum = 0;
  for (auto const& tree : forest.trees()) sum += static_cast<double>(measure(tree));
  return sum / static_cast<double>(forest.trees().size());
}

/// What is measured, one entry per seed.
struct Sample {
  std::vector<double> accuracy, nodes, depth, leaf_depth, oob_score, importances;
};

void run(std::span<char*> words) {
  auto const train = load(words[1]);
  auto const test = load(words[2]);
  if (train.class_names != test.class_names)
    throw DataError{"the two tables have other classes; each class must be in both"};
  auto const table = data::EncodedTable::encode(train);
  auto const rows = first_rows(table.rows());
  auto const parameters = parameters_from(words.subspan(5));
  auto const seeds = std::stoull(words[4]);
  Sample sample;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Key const key{seed};
    forest::Forest const forest{
        parameters, forest::grow_trees(table, rows, parameters, key, 0, parameters.n_estimators),
        train.class_names, train.feature_names};
    sample.accuracy.push_back(accuracy(forest, test));
    sample.nodes.push_back(mean_over_trees(forest, [](auto const& t) { return t.size(); }));
    sample.depth.push_back(mean_over_trees(forest, [](auto const& t) { return t.depth(); }));
    sample.leaf_depth.push_back(mean_over_trees(forest, mean_leaf_depth));
    if (parameters.oob_score) sample.oob_score.push_back(forest.oob_score(table, rows, key));
    auto const importances = forest.feature_importances();
    sample.importances.insert(sample.importances.end(), importances.begin(), importances.end());
  }
  NamedArrays arrays;
  arrays.put("accuracy", sample.accuracy);
  arrays.put("nodes", sample.nodes);
  arrays.put("depth", sample.depth);
  arrays.put("leaf_depth", sample.leaf_depth);
  if (parameters.oob_score) arrays.put("oob_score", sample.oob_score);
  arrays.put("importances", sample.importances,
             {static_cast<std::int64_t>(seeds), table.features()});
  auto file = store::File::create(words[3]);
  file.write("/sample", arrays);
  file.close();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5 || argc % 2 != 1) {
    std::fputs("usage: sample_forests TRAIN TEST OUT.h5 SEEDS [PARAMETER VALUE]...\n", stderr);
    return 2;
  }
  run({argv, static_cast<std::size_t>(argc)});
} catch (std::exception const& e) {
  std::fprintf(stderr, "sample_forests: %s\n", e.what());
  return 1;
}
