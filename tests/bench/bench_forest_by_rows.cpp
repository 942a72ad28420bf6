// Question: what does a fit cost whose rows stay on their ranks, against the same trees dealt to
// ranks that all have all rows; and up to how many rows should a node move to one rank?
//
//   mpirun -np 2 --oversubscribe --bind-to none build/tests/bench/bench_forest_by_rows
//       [--data NAME] [--data-dir DIR] [--trees N] [--settings "NAME VALUE ..."] [--moved N,N,...]
//
// Medians of three, alternating, of the slowest rank. Last answer (2026-11-25, forest-cover-full, np
// 2 on two cores): 1.6 times as long as trees dealt to both, 0.9 times one rank with all rows. On
// busy cores 1.3 to 1.5 times when nodes of up to 8,192 to 131,072 rows move, 1.9 times with 2,048;
// extra_trees 1.5 to 2.0 times.
#include <algorithm>
#include <cstdio>
#include <map>
#include <numeric>
#include <sstream>

#include "canopy/comm/environment.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/options.hpp"
#include "canopy/train/forest_by_rows.hpp"

namespace {

using namespace canopy;
using Settings = std::map<std::string, std::string>;

Settings read_settings(int argc, char** argv) {
  Settings settings{{"--data", "forest-cover-full"},
                    {"--data-dir", data::Source::default_dir().string()},
                    {"--trees", "8"},
                    {"--settings", ""},
                    {"--moved", "0"}};
  for (int i = 1; i + 1 < argc; i += 2) settings.at(argv[i]) = argv[i + 1];
  return settings;
}

forest::ForestParameters parameters_of(Settings const& settings) {
  forest::ForestParameters parameters;
  Options options;
  parameters.describe(options);
  options.set("n-estimators", settings.at("--trees"));
  std::istringstream words{settings.at("--settings")};
  for (std::string name, value; words >> name >> value;) options.set(name, value);
  return parameters;
}

/// The bench's ranks, and what they do together.
class Bench {
 public:
  Bench(comm::Communicator const& comm, Settings const& settings)
      : comm_{comm}, parameters_{parameters_of(settings)} {
    data::Source source;
    source.data = settings.at("--data");
    source.data_dir = settings.at("--data-dir");
    auto const whole = data::load(source, 1).train;
    table_ = data::EncodedTable::encode(whole);
    rows_.resize(static_cast<std::size_t>(table_.rows()));
    std::iota(rows_.begin(), rows_.end(), 0u);
    auto part = whole;
    auto const first = whole.rows() * comm.rank().value / comm.size();
    auto const end = whole.rows() * (comm.rank().value + 1) / comm.size();
    part.features = whole.features.middleRows(first, end - first);
    part.labels = {whole.labels.begin() + first, whole.labels.begin() + end};
    Stopwatch const clock;
    shard_ = {whole, train::encode_in_parts(comm, part, whole.rows()), {}, whole.rows()};
    print("encoding a shard took %.2f s\n", clock.seconds());
    shard_.about.features.resize(0, 0);
    split_ = train::split_rows(comm, shard_, 0, Key{1});
  }

  /// The same trees, each rank its share of them, all rows everywhere.
  double by_trees(int ranks) {
    return slowest([&] {
      auto const rank = comm_.rank().value;
      if (rank >= ranks) return;
      auto const first = parameters_.n_estimators * rank / ranks;
      auto const last = parameters_.n_estimators * (rank + 1) / ranks;
      trees_ = forest::grow_trees(table_, rows_, parameters_, Key{1}, first, last);
    });
  }

  double by_rows(std::uint32_t most_rows_moved) {
    return slowest([&] {
      train::ForestByRows fit{comm_, shard_, split_, parameters_, Key{1}};
      fit.grow({}, {}, {.most_rows_moved = most_rows_moved});
      cost_ = fit.cost();
      by_rows_ = fit.take_trees();
    });
  }

  /// Whether the last two fits gave equal first trees.
  bool are_equal() const { return by_rows_.at(0) == trees_.at(0); }

  void compare(std::uint32_t most_rows_moved) {
    std::vector<double> trees, alone, rows;
    for (int repeat = 0; repeat < 3; ++repeat) {
      alone.push_back(by_trees(1));
      trees.push_back(by_trees(comm_.size()));
      rows.push_back(by_rows(most_rows_moved));
    }
    auto const median = [](std::vector<double> times) {
      std::ranges::sort(times);
      return times[1];
    };
    if (!comm_.is_root()) return;
    auto const n = static_cast<double>(parameters_.n_estimators);
    std::printf(
        "moved up to %7u: %.3f s per tree; %.2f x by trees (%.3f), %.2f x one rank (%.3f); "
        "%ld rounds, %ld wide nodes, %ld subtrees; per tree %.2f MB histograms, %.0f rows "
        "and %.2f MB moved; %s\n",
        most_rows_moved, median(rows) / n, median(rows) / median(trees), median(trees) / n,
        median(rows) / median(alone), median(alone) / n, cost_.rounds, cost_.wide_nodes,
        cost_.subtrees, static_cast<double>(cost_.histogram_bytes) / n / 1e6,
        static_cast<double>(cost_.rows_moved) / n,
        static_cast<double>(cost_.row_bytes_moved) / n / 1e6,
        are_equal() ? "same trees" : "OTHER TREES");
    std::fflush(stdout);
  }

 private:
  template <class... Values>
  void print(char const* format, Values... values) const {
    if (comm_.is_root()) std::printf(format, values...);
  }

  template <class Work>
  double slowest(Work work) {
    comm_.barrier();
    Stopwatch const clock;
    work();
    auto const mine = clock.seconds();
    auto const all = comm_.gather(mine);
    return all.empty() ? mine : *std::ranges::max_element(all);
  }

  comm::Communicator const& comm_;
  forest::ForestParameters parameters_;
  data::EncodedTable table_;
  std::vector<data::RowIndex> rows_;
  train::RowShard shard_;
  train::RowSplit split_;
  forest::ShardedCost cost_;
  std::vector<forest::Tree> trees_;
  std::vector<forest::Tree> by_rows_;
};

}  // namespace

int main(int argc, char** argv) {
  comm::Environment const environment{argc, argv};
  auto const world = comm::Communicator::world();
  auto const settings = read_settings(argc, argv);
  Bench bench{world, settings};
  std::istringstream list{settings.at("--moved")};
  for (std::string number; std::getline(list, number, ',');)
    bench.compare(static_cast<std::uint32_t>(std::stoul(number)));
  return 0;
}
