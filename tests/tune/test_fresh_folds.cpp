#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "canopy/core/random.hpp"
#include "canopy/tune/fresh_folds.hpp"
#include "canopy/tune/search.hpp"

namespace canopy::tune {
namespace {

constexpr int folds = 12;

/// A score that the configuration and the fold decide; only fresh folds are known here.
comm::Work pretend(std::set<int> failing = {}) {
  return [=](Bytes const& payload, StopToken const&) {
    auto const task = from_bytes<Task>(payload);
    if (task.kind != Task::Kind::fresh_fold) throw std::logic_error{"asked for another task"};
    if (failing.contains(task.fold) && task.configuration.front().second == "1")
      throw std::runtime_error{"no luck"};
    Stream stream{Key{3}.with(to_text(task.configuration)).with(std::uint64_t(task.fold))};
    return to_bytes(FoldScore{stream.uniform(), 0.25, 0.5, {task.fold, 1, 2, 3}, {}, {}});
  };
}

/// Trials 0 and 7 as a search leaves them.
std::vector<Trial> contenders() {
  std::vector<Trial> trials(2);
  trials[1].id = 7;
  for (auto& trial : trials) {
    trial.configuration = {{"x", std::to_string(trial.id)}};
    trial.status = Trial::Status::complete;
    trial.folds.assign(3, FoldScore{});
  }
  return trials;
}

std::string hash(std::vector<Trial> const& trials) {
  return trials_table(trials, {"x"}).to_arrays().sha256();
}

std::vector<Trial> computed_directly() {
  auto trials = contenders();
  auto const work = pretend();
  for (auto& trial : trials) {
    trial.folds.clear();
    for (int f = 0; f < folds; ++f)
      trial.folds.push_back(from_bytes<FoldScore>(
          work(to_bytes(Task{Task::Kind::fresh_fold, trial.configuration, f, false, 0, 0}), {})));
  }
  return trials;
}

struct TemporaryJournal {
  TemporaryJournal()
      : path{std::filesystem::temp_directory_path() /
             ("canopy-fresh-" + std::to_string(getpid()) + ".journal")},
        journal{record::Journal::create(path)} {}
  TemporaryJournal(TemporaryJournal const&) = delete;
  TemporaryJournal& operator=(TemporaryJournal const&) = delete;
  ~TemporaryJournal() { std::filesystem::remove(path); }
  record::JournalRecords records() const { return record::JournalRecords{path}; }
  std::size_t size() const { return records().size(); }

  std::filesystem::path path;
  record::Journal journal;
};

bool never() {
  return false;
}

TEST(FreshFolds, AreWhatIsComputedDirectlyAndAreJournaled) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend()};
  if (!world.is_root()) return farm.serve();
  TemporaryJournal file;
  auto const fresh = in_fresh_folds(farm, file.journal, {}, contenders(), folds, never);
  EXPECT_EQ(hash(fresh), hash(computed_directly()));
  EXPECT_EQ(fresh[1].folds[5]->confusion.front(), 5);
  EXPECT_EQ(file.size(), 2u * folds);
  farm.shut_down();
}

TEST(FreshFolds, InterruptedAndResumedAreTheSameAndNoneIsComputedTwice) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend()};
  if (!world.is_root()) return farm.serve();
  TemporaryJournal file;
  EXPECT_THROW(
      in_fresh_folds(farm, file.journal, {}, contenders(), folds, [&] { return file.size() >= 7; }),
      Stopped);
  EXPECT_EQ(farm.outstanding(), 0u);
  EXPECT_GE(file.size(), 7u);
  EXPECT_LT(file.size(), 2u * folds);
  file.journal.append({{"kind", "fold"}, {"trial", 3}});  // those of the search are not ours

  auto const fresh = in_fresh_folds(farm, file.journal, file.records(), contenders(), folds, never);
  EXPECT_EQ(hash(fresh), hash(computed_directly()));
  EXPECT_EQ(file.size(), 2u * folds + 1);
  farm.shut_down();
}

TEST(FreshFolds, AFailedTrialTellsOfItsLowestFoldAlsoWhenRestored) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend({2, 9})};
  if (!world.is_root()) return farm.serve();
  auto trials = contenders();
  trials[0].configuration = {{"x", "1"}};
  TemporaryJournal file;
  auto const fresh = in_fresh_folds(farm, file.journal, {}, trials, folds, never);
  EXPECT_EQ(fresh[0].status, Trial::Status::failed);
  EXPECT_EQ(fresh[0].stop_reason, "fresh fold 2: no luck");
  EXPECT_EQ(fresh[1].status, Trial::Status::complete);
  auto const again = in_fresh_folds(farm, file.journal, file.records(), trials, folds, never);
  EXPECT_EQ(hash(again), hash(fresh));
  EXPECT_EQ(file.size(), 2u * folds);
  farm.shut_down();
}

TEST(FreshFolds, RefuseAJournalOfOtherTrials) {
  auto const world = comm::Communicator::world();
  comm::Farm farm{world, pretend()};
  if (!world.is_root()) return farm.serve();
  TemporaryJournal file;
  file.journal.append({{"kind", "verdict-fold"}, {"trial", 5}, {"fold", 0}, {"error", ""}});
  EXPECT_THROW(in_fresh_folds(farm, file.journal, file.records(), contenders(), folds, never),
               DataError);
  farm.shut_down();
}

}  // namespace
}  // namespace canopy::tune
