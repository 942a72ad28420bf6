#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "canopy/core/random.hpp"
#include "canopy/tune/search.hpp"

namespace canopy::tune {
namespace {

using ::testing::HasSubstr;

// ---- a model that costs nothing

/// Has the parameters x (0 .. 0.9) and n; never fits anything.
struct Pretended final : Learner {
  Configuration defaults() const override { return {{"x", "0.5"}, {"n", "3"}}; }
  Space default_space() const override {
    return Space::from_toml_text(
        "x = { type = 'float', low = 0, high = 0.9 }\nn = { type = 'int', low = 1, high = 9 }");
  }
  void check(Configuration const& configuration) const override {
    if (*text::to_double(*find(configuration, "x")) > 0.9) throw UserError{"x is above 0.9"};
  }
  double cost(Configuration const& configuration) const override {
    auto const* n = find(configuration, "n");
    return n == nullptr ? 1 : *text::to_double(*n);
  }
  FoldScore fit_and_score(Configuration const&, data::Split const&, Key,
                          StopToken const&) const override {
    throw std::logic_error{"the work of these tests is `pretend`"};
  }
};

FoldScore fold_score(Configuration const& configuration, int fold) {
  Stream stream{Key{3}.with(to_text(configuration)).with(static_cast<std::uint64_t>(fold))};
  return {stream.uniform(), 0.25, 0.5, {1, fold}, {}};
}

/// A fold's work: a nap of its own length, then a score that the configuration decides. Folds whose
/// number is in `failing` fail when x is the default.
comm::Work pretend(double longest_nap, std::set<int> failing = {}) {
  return [=](Bytes const& payload, StopToken const& stop) {
    auto const task = from_bytes<Task>(payload);
    Stream stream{Key{9}.with(to_text(task.configuration)).with(std::uint64_t(task.fold))};
    Stopwatch const nap;
    for (auto const length = longest_nap * stream.uniform(); nap.seconds() < length;) {
      throw_if_stopped(stop);
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    if (failing.contains(task.fold) && *find(task.configuration, "x") == "0.5")
      throw std::runtime_error{"no luck"};
    return to_bytes(fold_score(task.configuration, task.fold));
  };
}

SearchSettings settings(int trials, int folds) {
  SearchSettings result;
  result.trials = trials;
  result.folds = folds;
  return result;
}

/// The trials as they are when everything is computed in one place and in order.
std::vector<Trial> computed_directly(std::vector<Trial> trials) {
  for (auto& trial : trials) {
    if (trial.status == Trial::Status::failed) continue;
    for (std::size_t f = 0; f < trial.folds.size(); ++f)
      trial.folds[f] = fold_score(trial.configuration, static_cast<int>(f));
    trial.status = Trial::Status::complete;
  }
  return trials;
}

std::string table_hash(std::vector<Trial> const& trials) {
  return trials_table(trials, {"x", "n"}).to_arrays().sha256();
}

/// A file for as long as a test needs it.
struct TemporaryFile {
  explicit TemporaryFile(std::string const& name)
      : path{std::filesystem::temp_directory_path() /
             ("canopy-search-" + std::to_string(getpid()) + name)} {}
  TemporaryFile(TemporaryFile const&) = delete;
  TemporaryFile& operator=(TemporaryFile const&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

bool never() {
  return false;
}
void look_away(Search const&) {}

// ---- proposals

TEST(ProposeTrials, BeginWithTheDefaultAndCountIt) {
  auto const trials = propose_trials(settings(12, 4), Pretended{}, 1);
  ASSERT_EQ(trials.size(), 12u);
  EXPECT_EQ(trials[0].origin, "default");
  EXPECT_EQ(trials[0].configuration, (Configuration{{"x", "0.5"}, {"n", "3"}}));
  std::set<Configuration> distinct;
  for (int i = 0; i < 12; ++i) {
    auto const& trial = trials[static_cast<std::size_t>(i)];
    EXPECT_EQ(trial.id, i);
    EXPECT_EQ(trial.folds.size(), 4u);
    EXPECT_EQ(trial.origin, i == 0 ? "default" : "random");
    EXPECT_EQ(trial.status, Trial::Status::running);
    distinct.insert(trial.configuration);
  }
  EXPECT_EQ(distinct.size(), 12u);
  EXPECT_EQ(table_hash(propose_trials(settings(12, 4), Pretended{}, 1)), table_hash(trials));
  EXPECT_NE(table_hash(propose_trials(settings(12, 4), Pretended{}, 2)), table_hash(trials));
}

TEST(ProposeTrials, RepeatsMultiplyFolds) {
  auto twice = settings(2, 4);
  twice.repeats = 2;
  EXPECT_EQ(propose_trials(twice, Pretended{}, 1).front().folds.size(), 8u);
}

TEST(ProposeTrials, RemoveDuplicatesAndEndWithASmallSpace) {
  for (auto const* search : {"random", "grid", "sobol"}) {
    auto small = settings(50, 2);
    small.search = search;
    small.space = Space::from_toml_text("n = [1, 2, 3]\nx = 0.5");
    auto const trials = propose_trials(small, Pretended{}, 1);
    EXPECT_EQ(trials.size(), 3u) << search << ": the default has n = 3, which is in the list";
    EXPECT_EQ(*find(trials[0].configuration, "n"), "3");
  }
}

TEST(ProposeTrials, RecordWhatMakesNoSenseAsFailed) {
  auto wide = settings(20, 2);
  wide.space = Space::from_toml_text("x = { type = 'float', low = 0, high = 1.8 }");
  int failed = 0;
  for (auto const& trial : propose_trials(wide, Pretended{}, 1)) {
    bool const sensible = *text::to_double(*find(trial.configuration, "x")) <= 0.9;
    EXPECT_EQ(trial.status, sensible ? Trial::Status::running : Trial::Status::failed);
    EXPECT_EQ(trial.stop_reason, sensible ? "" : "x is above 0.9");
    failed += !sensible;
  }
  EXPECT_TRUE(1 <= failed && failed < 19);
}

TEST(ProposeTrials, PutGivenPointsFirst) {
  TemporaryFile const file{".csv"};
  std::ofstream{file.path} << "x,n\n0.125,7\n0.25,8\n";
  auto with_points = settings(5, 2);
  with_points.points = file.path.string();
  auto const trials = propose_trials(with_points, Pretended{}, 1);
  ASSERT_EQ(trials.size(), 5u);
  EXPECT_EQ(trials[1].origin, "points");
  EXPECT_EQ(trials[1].configuration, (Configuration{{"x", "0.125"}, {"n", "7"}}));
  EXPECT_EQ(*find(trials[2].configuration, "n"), "8");
  EXPECT_EQ(trials[3].origin, "random");
  with_points.trials = 2;
  EXPECT_EQ(propose_trials(with_points, Pretended{}, 1).size(), 2u);
}

TEST(ProposeTrials, AnUnknownNameIsToldTheNearest) {
  auto wrong = settings(2, 2);
  wrong.space = Space::from_toml_text("nn = [1, 2]");
  try {
    propose_trials(wrong, Pretended{}, 1);
    FAIL() << "accepted a name that the model does not have";
  } catch (UserError const& e) {
    EXPECT_THAT(e.what(), HasSubstr("'nn', which the model does not have (did you mean 'n'?)"));
  }
}

// ---- the search over a farm of any size

TEST(Search, FindsWhatIsComputedDirectlyAndJournalsEveryFold) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.003)};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  auto wide = settings(20, 3);
  wide.space = Space::from_toml_text(
      "x = { type = 'float', low = 0, high = 1.2 }\nn = { type = 'int', low = 1, high = 9 }");
  auto const trials = propose_trials(wide, learner, 1);
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  Search search{farm, journal, learner, trials};
  int watched = 0;
  auto const ending =
      search.run({std::nullopt, never}, [&](Search const& s) { watched += s.folds_done() >= 0; });
  EXPECT_EQ(ending, Ending::finished);
  EXPECT_EQ(table_hash(search.trials()), table_hash(computed_directly(trials)));
  EXPECT_GT(watched, 0);
  EXPECT_EQ(search.folds_done(), search.folds_total());
  EXPECT_LT(search.folds_total(), 60) << "the test needs a trial that failed its check";
  EXPECT_EQ(search.folds_restored(), 0);

  auto const records = record::Journal::read(file.path);
  std::set<std::pair<int, int>> folds;
  for (auto const& record : records) folds.emplace(record.at("trial"), record.at("fold"));
  EXPECT_EQ(records.size(), static_cast<std::size_t>(search.folds_total()));
  EXPECT_EQ(folds.size(), records.size());
  farm.shut_down();
}

TEST(Search, InterruptedAndResumedFindsTheSame) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.004)};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  auto const trials = propose_trials(settings(30, 3), learner, 1);
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  Search first{farm, journal, learner, trials};
  auto const ending =
      first.run({std::nullopt, [&] { return first.folds_done() >= 20; }}, look_away);
  EXPECT_EQ(ending, Ending::interrupted);
  EXPECT_EQ(farm.outstanding(), 0u);
  EXPECT_GE(first.folds_done(), 20);
  EXPECT_LT(first.folds_done(), first.folds_total());
  int stopped = 0;
  for (auto const& trial : first.trials()) {
    if (trial.status == Trial::Status::complete) continue;
    ++stopped;
    EXPECT_EQ(trial.status, Trial::Status::stopped);
    EXPECT_EQ(trial.stop_reason, "interrupted");
  }
  EXPECT_GT(stopped, 0);

  auto const records = record::Journal::read(file.path);
  EXPECT_EQ(records.size(), static_cast<std::size_t>(first.folds_done()));
  Search second{farm, journal, learner, trials};
  second.restore(records);
  EXPECT_EQ(second.folds_restored(), first.folds_done());
  EXPECT_EQ(second.run({std::nullopt, never}, look_away), Ending::finished);
  EXPECT_EQ(table_hash(second.trials()), table_hash(computed_directly(trials)));
  EXPECT_EQ(record::Journal::read(file.path).size(), static_cast<std::size_t>(second.folds_total()))
      << "no fold was computed again";
  farm.shut_down();
}

TEST(Search, RestoredFoldsAreTakenAtTheirWord) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.001)};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  nlohmann::json fold{{"kind", "fold"},
                      {"trial", 1},
                      {"fold", 0},
                      {"rank", 0},
                      {"queued", 1.0},
                      {"started", 2.0},
                      {"finished", 3.0},
                      {"score", 42.0},
                      {"fit_time", 0},
                      {"score_time", 0},
                      {"confusion", std::vector<int>{}}};
  Search search{farm, journal, learner, propose_trials(settings(3, 2), learner, 1)};
  search.restore({nlohmann::json{{"kind", "tree"}}, fold});
  EXPECT_GE(search.seconds(), 3.0) << "time goes on where the earlier run left off";
  search.run({std::nullopt, never}, look_away);
  EXPECT_EQ(search.trials()[1].folds[0]->score, 42.0);
  EXPECT_EQ(record::Journal::read(file.path).size(), 5u);

  fold["trial"] = 3;
  Search other{farm, journal, learner, propose_trials(settings(3, 2), learner, 1)};
  EXPECT_THROW(other.restore({fold}), DataError);
  farm.shut_down();
}

TEST(Search, TheTimeLimitLetsTheDefaultFinish) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.01)};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  Search search{farm, journal, learner, propose_trials(settings(200, 3), learner, 1)};
  EXPECT_EQ(search.run({1e-6, never}, look_away), Ending::time_limit);
  EXPECT_EQ(search.trials().front().status, Trial::Status::complete);
  EXPECT_EQ(search.trials().back().status, Trial::Status::stopped);
  EXPECT_EQ(search.trials().back().stop_reason, "time_limit");
  EXPECT_LT(search.folds_done(), 60);
  EXPECT_EQ(farm.outstanding(), 0u);
  farm.shut_down();
}

TEST(Search, AFailedTrialTellsOfItsLowestFold) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.002, {2, 10, 11})};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  auto const trials = propose_trials(settings(3, 12), learner, 1);
  Search search{farm, journal, learner, trials};
  EXPECT_EQ(search.run({std::nullopt, never}, look_away), Ending::finished);
  auto const& failed = search.trials().front();
  EXPECT_EQ(failed.status, Trial::Status::failed);
  EXPECT_EQ(failed.folds_done(), 9);
  EXPECT_EQ(failed.stop_reason, "fold 2: no luck");
  EXPECT_EQ(search.trials()[1].status, Trial::Status::complete);
  EXPECT_EQ(search.folds_done(), 36);

  auto const records = record::Journal::read(file.path);
  EXPECT_EQ(std::ranges::count_if(records, [](auto const& r) { return r.contains("error"); }), 3);
  Search resumed{farm, journal, learner, trials};
  resumed.restore(records);
  EXPECT_EQ(table_hash(resumed.trials()), table_hash(search.trials()))
      << "a journal restores failures as well";
  farm.shut_down();
}

}  // namespace
}  // namespace canopy::tune
