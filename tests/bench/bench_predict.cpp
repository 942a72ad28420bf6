// Question: what does predict_proba cost a tree where trees are too big for the first
// cache? Ten default trees of the first 464,809 rows of the full forest cover set, 100,000 of those
// rows predicted.
//
//   taskset -c 1 build/tests/bench/bench_predict
//
// The last answer stands in results/forest-speed.md. Processor time, the median of 15; packing the
// trees is part of it. `one_row` asks for a single row, which leaves the packing.
#include <cstdio>
#include <numeric>

#include <benchmark/benchmark.h>

#include "canopy/data/source.hpp"
#include "canopy/forest/forest.hpp"

#include "support/real_data.hpp"

namespace {

using namespace canopy;

struct Subject {
  data::EncodedTable table;
  forest::Forest forest;
};

std::vector<data::RowIndex> first_rows(std::size_t number) {
  std::vector<data::RowIndex> rows(number);
  std::iota(rows.begin(), rows.end(), data::RowIndex{0});
  return rows;
}

Subject grown() {
  data::Source source;
  source.data = "forest-cover-full";
  source.data_dir = test::real_data_dir().value_or("data");
  auto const set = data::load(source, 0).train;
  auto table = data::EncodedTable::encode(set);
  forest::ForestParameters const parameters;
  auto trees = grow_trees(table, first_rows(464'809), parameters, Key{1}, 0, 10);
  return {std::move(table), {parameters, std::move(trees), set.class_names, set.feature_names}};
}

void predict(benchmark::State& state, Subject const& subject, std::size_t number) {
  auto const rows = first_rows(number);
  for (auto _ : state) benchmark::DoNotOptimize(subject.forest.predict_proba(subject.table, rows));
  using benchmark::Counter;
  state.counters["per_tree"] = Counter(static_cast<double>(subject.forest.trees().size()),
                                       Counter::kIsIterationInvariantRate | Counter::kInvert);
}

}  // namespace

int main(int argc, char** argv) try {
  benchmark::Initialize(&argc, argv);
  auto const subject = grown();
  for (auto const& [name, rows] : {std::pair{"100000_rows", 100'000}, {"one_row", 1}})
    benchmark::RegisterBenchmark(name,
                                 [&subject, number = rows](benchmark::State& state) {
                                   predict(state, subject, static_cast<std::size_t>(number));
                                 })
        ->Repetitions(15)
        ->ReportAggregatesOnly()
        ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
} catch (std::exception const& e) {
  std::fprintf(stderr, "bench_predict: %s\n", e.what());
  return 1;
}
