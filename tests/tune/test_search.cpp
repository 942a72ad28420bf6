#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "canopy/tune/search.hpp"

#include "pretended.hpp"

namespace canopy::tune {
namespace {

using namespace test;

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

bool never() {
  return false;
}
void look_away(Search const&) {}

std::vector<nlohmann::json> of_kind(std::string const& kind, std::filesystem::path const& journal) {
  auto records = record::Journal::read(journal);
  std::erase_if(records, [&](auto const& record) { return record.at("kind") != kind; });
  return records;
}

/// What the journal says that became of the trials; only the running ones may be told of twice.
std::map<int, std::string> trials_told(std::filesystem::path const& journal) {
  std::map<int, std::string> told;
  for (auto const& record : of_kind("trial", journal)) {
    auto& status = told[record.at("trial")];
    EXPECT_TRUE(status.empty() || status == "running") << record;
    status = record.at("status");
  }
  return told;
}

std::map<int, std::string> statuses(std::vector<Trial> const& trials) {
  std::map<int, std::string> all;
  for (auto const& trial : trials) all[trial.id] = to_text(trial.status);
  return all;
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
  auto const trials = proposed(wide, learner, 1);
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  Search search{farm, journal, {wide, learner, 1}};
  int watched = 0;
  auto const ending =
      search.run({std::nullopt, never}, [&](Search const& s) { watched += s.folds_done() >= 0; });
  EXPECT_EQ(ending, Ending::finished);
  EXPECT_EQ(table_hash(search.trials()), table_hash(computed_directly(trials)));
  EXPECT_GT(watched, 0);
  EXPECT_EQ(search.folds_done(), search.folds_total());
  EXPECT_LT(search.folds_total(), 60) << "the test needs a trial that failed its check";
  EXPECT_EQ(search.folds_restored(), 0);

  auto const records = of_kind("fold", file.path);
  std::set<std::pair<int, int>> folds;
  for (auto const& record : records) folds.emplace(record.at("trial"), record.at("fold"));
  EXPECT_EQ(records.size(), static_cast<std::size_t>(search.folds_total()));
  EXPECT_EQ(folds.size(), records.size());
  EXPECT_EQ(trials_told(file.path), statuses(search.trials()));
  auto const first = of_kind("trial", file.path).front();
  EXPECT_EQ(first.at("origin"), "default");
  EXPECT_EQ(first.at("parameters").at(0), (nlohmann::json::array({"x", "0.5"})));
  farm.shut_down();
}

TEST(Search, InterruptedAndResumedFindsTheSame) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.004)};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  auto const trials = proposed(settings(30, 3), learner, 1);
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  Search first{farm, journal, {settings(30, 3), learner, 1}};
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

  record::JournalRecords const records{file.path};
  EXPECT_EQ(of_kind("fold", file.path).size(), static_cast<std::size_t>(first.folds_done()));
  Search second{farm, journal, {settings(30, 3), learner, 1}};
  second.restore(records);
  EXPECT_EQ(second.folds_restored(), first.folds_done());
  EXPECT_EQ(second.run({std::nullopt, never}, look_away), Ending::finished);
  EXPECT_EQ(table_hash(second.trials()), table_hash(computed_directly(trials)));
  EXPECT_EQ(of_kind("fold", file.path).size(), static_cast<std::size_t>(second.folds_total()))
      << "no fold was computed again";
  EXPECT_EQ(trials_told(file.path), statuses(second.trials()));
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
                      {"resource", 0},
                      {"rank", 0},
                      {"queued", 1.0},
                      {"started", 2.0},
                      {"finished", 3.0},
                      {"score", 42.0},
                      {"fit_time", 0},
                      {"score_time", 0},
                      {"confusion", std::vector<int>{}},
                      {"right", "00000000000000ff"}};
  Search search{farm, journal, {settings(3, 2), learner, 1}};
  TemporaryFile const earlier{".earlier"};
  auto const told = [&](std::vector<nlohmann::json> const& records) {
    auto lines = record::Journal::create(earlier.path);
    for (auto const& record : records) lines.append(record);
    return record::JournalRecords{earlier.path};
  };
  search.restore(told({{{"kind", "tree"}}, fold}));
  EXPECT_GE(search.seconds(), 3.0) << "time goes on where the earlier run left off";
  search.run({std::nullopt, never}, look_away);
  EXPECT_EQ(search.trials()[1].folds[0]->score, 42.0);
  EXPECT_EQ(search.trials()[1].folds[0]->right, std::vector<std::uint64_t>{255});
  EXPECT_EQ(of_kind("fold", file.path).size(), 5u);

  fold["trial"] = 3;
  Search other{farm, journal, {settings(3, 2), learner, 1}};
  EXPECT_THROW(other.restore(told({fold})), DataError);
  farm.shut_down();
}

TEST(Search, TheTimeLimitLetsTheDefaultFinish) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.01)};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  Search search{farm, journal, {settings(200, 3), learner, 1}};
  EXPECT_EQ(search.run({1e-6, never}, look_away), Ending::time_limit);
  EXPECT_EQ(search.trials().front().status, Trial::Status::complete);
  EXPECT_EQ(search.trials().back().status, Trial::Status::stopped);
  EXPECT_EQ(search.trials().back().stop_reason, "time_limit");
  EXPECT_LT(search.folds_done(), 60);
  EXPECT_EQ(farm.outstanding(), 0u);
  farm.shut_down();
}

/// A farm of its own: tasks of two searches have the same numbers.
void end_by_time_limit_and_go_on(std::string const& race) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.005)};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  auto racing = settings(200, 3);
  racing.race = race;
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  Search first{farm, journal, {racing, learner, 1}};
  EXPECT_EQ(first.run({0.15, never}, look_away), Ending::time_limit);
  auto const folds = first.folds_done();
  Search second{farm, journal, {racing, learner, 1}};
  second.restore(record::JournalRecords{file.path});
  EXPECT_EQ(second.run({std::nullopt, never}, look_away), Ending::time_limit);
  EXPECT_EQ(second.folds_done(), folds) << "nothing was begun";
  EXPECT_EQ(table_hash(second.trials()), table_hash(first.trials()));
  farm.shut_down();
}

TEST(Search, ASearchThatItsTimeLimitEndedStaysEnded) {
  for (auto const* race : {"none", "forgiving"}) end_by_time_limit_and_go_on(race);
}

TEST(Search, AFailedTrialTellsOfItsLowestFold) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend(0.002, {2, 10, 11})};
  if (!world.is_root()) return farm.serve();
  Pretended const learner;
  TemporaryFile const file{".journal"};
  auto journal = record::Journal::create(file.path);
  auto const trials = proposed(settings(3, 12), learner, 1);
  Search search{farm, journal, {settings(3, 12), learner, 1}};
  EXPECT_EQ(search.run({std::nullopt, never}, look_away), Ending::finished);
  auto const& failed = search.trials().front();
  EXPECT_EQ(failed.status, Trial::Status::failed);
  EXPECT_EQ(failed.folds_done(), 9);
  EXPECT_EQ(failed.stop_reason, "fold 2: no luck");
  EXPECT_EQ(search.trials()[1].status, Trial::Status::complete);
  EXPECT_EQ(search.folds_done(), 36);

  EXPECT_EQ(trials_told(file.path), statuses(search.trials()));
  auto const records = record::Journal::read(file.path);
  EXPECT_EQ(std::ranges::count_if(records, [](auto const& r) { return r.contains("error"); }), 3);
  Search resumed{farm, journal, {settings(3, 12), learner, 1}};
  resumed.restore(record::JournalRecords{file.path});
  EXPECT_EQ(table_hash(resumed.trials()), table_hash(search.trials()))
      << "a journal restores failures as well";
  farm.shut_down();
}

}  // namespace
}  // namespace canopy::tune
