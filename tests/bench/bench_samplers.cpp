// Question: how long does a proposal take that looks back on 100 and on 1,000 trials? A space of
// six parameters, a tenth of the trials pending. Milliseconds of processor time, the median of
// eight.
//
//   taskset -c 1 build/tests/bench/bench_samplers [NAME...]
//
// The last answer (2026-11-26, one core of an AMD EPYC with AVX-512): tpe 0.3 and 1.5, gp 19 and
// 176, forest 4.5 and 18; random and sobol, which do not look back, 0.002 and 0.004.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <vector>

#include <fmt/format.h>

#include "canopy/tune/sampler.hpp"

namespace {

using namespace canopy;
using namespace canopy::tune;

constexpr char space[] = R"(
n_estimators = { type = "int", low = 50, high = 300 }
max_depth = { type = "int", low = 10, high = 40, also = ["None"] }
min_impurity_decrease = { type = "float", low = 1e-8, high = 1e-2, log = true }
max_features = { type = "float", low = 0.1, high = 1.0 }
criterion = ["gini", "entropy"]
min_samples_split = { type = "int", low = 2, high = 50, log = true }
)";

std::vector<Observation> trials(Space const& in, int count) {
  auto const random = samplers().make("random", {in, Key{7}, count});
  std::vector<Observation> earlier;
  for (int i = 0; i < count; ++i) {
    auto& trial = earlier.emplace_back(Observation{random->propose(i, {}).value(), {}});
    if (i % 10 == 9) continue;
    auto const share = *text::to_double(*find(trial.configuration, "max_features"));
    trial.score = 0.8 - std::abs(share - 0.4) + 0.01 * std::sin(i);
  }
  return earlier;
}

double median_milliseconds(Sampler const& sampler, std::vector<Observation> const& earlier) {
  std::vector<double> all;
  for (int i = 0; i < 8; ++i) {
    auto const begin = std::clock();
    sampler.propose(static_cast<int>(earlier.size()) + i + i / 4, earlier);
    all.push_back(1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  std::ranges::sort(all);
  return (all[3] + all[4]) / 2;
}

}  // namespace

int main(int argc, char** argv) {
  auto const in = Space::from_toml_text(space);
  std::vector<std::string> names{argv + 1, argv + argc};
  if (names.empty()) names = {"random", "sobol", "tpe", "gp", "forest"};
  for (auto const& name : names) {
    auto const sampler = samplers().make(name, {in, Key{1}, 2000});
    for (int const count : {100, 1000})
      fmt::print("{:<8} {:>5} trials {:>9.3f} ms\n", name, count,
                 median_milliseconds(*sampler, trials(in, count)));
  }
}
