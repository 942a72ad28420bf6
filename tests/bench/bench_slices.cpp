// Question: what does scoring a whole grid of slices cost, compared with growing the forest it is
// cut from? 100 default trees grown on 12,096 rows of forest cover; 20 numbers of trees x 20 depth
// caps x 5 min_samples_split scored on the other 3,024 rows. Besides, other scorings, 20
// min_impurity_decrease in place of the depths, and extremely randomized trees.
//
//   taskset -c 1 build/tests/bench/bench_slices
//
// The last answer stands in results/forest-speed.md. Fit and slices take turns, both in processor
// time, and `slices_of_fit` is the median of their ratios; at most 0.15 is wanted for accuracy.
#include <algorithm>
#include <ctime>
#include <string>

#include <benchmark/benchmark.h>

#include "canopy/data/source.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/forest.hpp"

#include "support/real_data.hpp"

namespace {

using namespace canopy;

double median(std::vector<double> values) {
  auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Of the processor, so that what else runs on the machine counts less.
template <class Work>
double seconds(Work&& work) {
  auto const begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

/// `step` levels from one depth cap to the next; the last of the 20 is None. With steps of one all
/// caps cut somewhere, with steps of two half of them are deeper than any tree.
forest::SliceGrid grid(int step) {
  forest::SliceGrid grid{
      .n_estimators = {}, .max_depth = {}, .min_samples_split = {2, 5, 10, 20, 50}};
  for (int i = 1; i <= 20; ++i) grid.n_estimators.push_back(5 * i);
  for (int i = 1; i < 20; ++i) grid.max_depth.emplace_back(step * i);
  grid.max_depth.emplace_back();
  return grid;
}

/// The same with 20 min_impurity_decrease, down to 0.
forest::SliceGrid grid_of_decreases() {
  auto decreases = grid(1);
  decreases.max_depth = {std::nullopt};
  decreases.min_impurity_decrease.clear();
  for (int i = 19; i >= 0; --i) decreases.min_impurity_decrease.push_back(1e-5 * i);
  return decreases;
}

void slices_of_forest_cover(benchmark::State& state, std::string const& scoring,
                            forest::SliceGrid const& grid, forest::Kind kind) {
  auto const folder = test::real_data_dir();
  if (!folder) {
    state.SkipWithError("forest-cover/train.csv is not there; data/fetch.sh gets it");
    return;
  }
  data::Source source;
  source.data = "forest-cover";
  source.data_dir = *folder;
  auto const set = data::load(source, 0).train;
  auto const table = data::EncodedTable::encode(set);
  auto const fold =
      data::stratified_k_fold(table.labels(), table.classes(), 5, Key{42}.with("folds")).front();
  forest::ForestParameters parameters;
  parameters.kind = kind;
  std::vector<double> fits;
  std::vector<double> slices;
  std::vector<double> ratios;
  for (auto _ : state) {
    std::vector<forest::Tree> trees;
    fits.push_back(seconds([&] {
      trees = grow_trees(table, fold.train, parameters, Key{42}, 0, parameters.n_estimators);
    }));
    forest::Forest const forest{parameters, std::move(trees), set.class_names, set.feature_names};
    slices.push_back(
        seconds([&] { benchmark::DoNotOptimize(forest.slices(table, fold.test, grid, scoring)); }));
    ratios.push_back(slices.back() / fits.back());
    state.SetIterationTime(slices.back());
  }
  state.counters["fit_ms"] = 1e3 * median(fits);
  state.counters["slices_ms"] = 1e3 * median(slices);
  state.counters["slices_of_fit"] = median(ratios);
}

void run(char const* name, std::string const& scoring, forest::SliceGrid const& grid,
         forest::Kind kind = forest::Kind::random_forest) {
  benchmark::RegisterBenchmark(
      name, [=](benchmark::State& state) { slices_of_forest_cover(state, scoring, grid, kind); })
      ->UseManualTime()
      ->Iterations(9)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  run("accuracy/depth_1_to_19", "accuracy", grid(1));
  run("accuracy/depth_2_to_38", "accuracy", grid(2));
  run("accuracy/decrease", "accuracy", grid_of_decreases());
  run("f1_macro/depth_1_to_19", "f1_macro", grid(1));
  run("neg_log_loss/depth_1_to_19", "neg_log_loss", grid(1));
  run("accuracy/depth_1_to_19/extra_trees", "accuracy", grid(1), forest::Kind::extra_trees);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
