#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"
#include "canopy/record/journal.hpp"

#include "http_server.hpp"
#include "own_process.hpp"
#include "run_folder.hpp"
#include "run_folder_files.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class RunFolderTest : public ::testing::Test {
 protected:
  void put(std::string const& name, record::RunRecord const& run = federation_of(2)) const {
    record::write(run, folder_ / name);
  }
  std::map<std::string, ListedRun> look() {
    std::map<std::string, ListedRun> all;
    for (auto const& run : runs_.look(60)) all[run.name] = run;
    return all;
  }
  record::Journal begin(std::string const& name) const {
    auto journal = record::Journal::create(folder_ / name);
    journal.append({{"kind", "start"}, {"command", "tune"}, {"started", utc_now()}, {"np", 2}});
    return journal;
  }

  FolderOfRuns folder_{"run-folder"};
  RunFolder runs_{folder_.path()};
};

TEST_F(RunFolderTest, ListsRunsOfAllKinds) {
  put("done.h5");
  put("study/inner.h5");
  auto stopped = federation_of(1);
  stopped.status = "failed";
  put("stopped.h5", stopped);
  auto const journal = begin("going.journal");
  begin("killed.journal");
  std::ofstream{folder_ / "notes.txt"} << "no run";
  auto const all = look();
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all.at("done").status, "complete");
  EXPECT_EQ(all.at("done").headline, "accuracy 0.5200, 2 rounds");
  EXPECT_EQ(all.at("done").np, 3);
  EXPECT_EQ(all.at("study/inner").status, "complete");
  EXPECT_EQ(all.at("stopped").status, "failed");
  EXPECT_EQ(all.at("going").status, "running");
  EXPECT_EQ(all.at("killed").status, "interrupted");
  EXPECT_EQ(runs_.read("study/inner").command, "federate");
}

TEST_F(RunFolderTest, ReplacementOfAFinishedRunIsTheRun) {
  put("run.h5");
  fs::last_write_time(folder_ / "run.h5", fs::file_time_type::clock::now() - std::chrono::hours{1});
  auto const journal = begin("run.journal");
  auto const all = look();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.at("run").command, "tune");
  EXPECT_EQ(all.at("run").status, "running");
}

TEST_F(RunFolderTest, SaysWhyARunCannotBeRead) {
  put("half.h5");
  fs::resize_file(folder_ / "half.h5", fs::file_size(folder_ / "half.h5") / 2);
  std::ofstream{folder_ / "empty.h5"};
  begin("torn.journal").append({{"kind", "fold"}});
  std::ofstream{folder_ / "torn.journal", std::ios::app} << "00000000 {}\n0000";
  put("good.h5");
  auto const all = look();
  for (auto const* name : {"half", "empty", "torn"}) {
    EXPECT_EQ(all.at(name).status, "unreadable") << name;
    EXPECT_THAT(all.at(name).problem, Not(testing::IsEmpty())) << name;
    EXPECT_THAT(all.at(name).problem, Not(HasSubstr(folder_.path().string())));
    EXPECT_THROW(runs_.read(name), DataError) << name;
  }
  EXPECT_EQ(all.at("good").status, "complete");
}

TEST_F(RunFolderTest, StampChangesWithTheFilesAndTheStatus) {
  put("run.h5");
  auto const before = look().at("run").stamp;
  EXPECT_EQ(look().at("run").stamp, before);
  put("run.h5", federation_of(3));
  EXPECT_NE(look().at("run").stamp, before);
  std::string during;
  {
    auto journal = begin("going.journal");
    during = look().at("going").stamp;
    journal.append({{"kind", "decision"}});
    auto const later = look().at("going").stamp;
    EXPECT_NE(later, during);
    during = later;
  }
  EXPECT_NE(look().at("going").stamp, during);
  EXPECT_EQ(look().at("going").status, "interrupted");
}

TEST_F(RunFolderTest, FollowsAFolderThatChanges) {
  EXPECT_TRUE(look().empty());
  put("run.h5");
  EXPECT_EQ(look().size(), 1u);
  fs::remove(folder_ / "run.h5");
  EXPECT_EQ(runs_.find("run"), nullptr) << "though nobody has looked since";
  EXPECT_TRUE(look().empty());
  EXPECT_EQ(runs_.find("run"), nullptr);
  fs::remove_all(folder_.path());
  EXPECT_TRUE(look().empty());
  fs::create_directories(folder_.path());
  put("back.h5");
  EXPECT_EQ(look().size(), 1u);
}

TEST_F(RunFolderTest, ReadsNoMoreThanThereIsTimeFor) {
  for (auto const* name : {"a.h5", "b.h5", "c.h5"}) put(name);
  auto const at_once = runs_.look(0);
  ASSERT_EQ(at_once.size(), 3u);
  for (auto const& run : at_once) EXPECT_EQ(run.status, "unread");
  EXPECT_EQ(look().at("b").status, "complete");
  EXPECT_EQ(runs_.look(0).front().status, "complete");
}

TEST_F(RunFolderTest, NeverLeavesTheFolder) {
  FolderOfRuns const outside{"run-folder-outside"};
  record::write(federation_of(1), outside / "secret.h5");
  put("inside.h5");
  fs::create_symlink(outside / "secret.h5", folder_ / "link.h5");
  fs::create_directory_symlink(outside.path(), folder_ / "links");
  fs::create_symlink("inside.h5", folder_ / "alias.h5");
  auto const all = look();
  EXPECT_EQ(all.at("link").status, "unreadable");
  EXPECT_THAT(all.at("link").problem, HasSubstr("points out of the folder"));
  EXPECT_THROW(runs_.read("link"), DataError);
  EXPECT_EQ(all.at("alias").status, "complete");
  EXPECT_EQ(all.size(), 3u);
  auto const name = outside.path().filename().string();
  std::vector<std::string> const ways{"../" + name + "/secret", (outside / "secret").string(),
                                      "links/secret", "inside/../inside",
                                      std::string{"inside\0", 7}};
  for (auto const& way : ways) EXPECT_THROW(runs_.read(way), UserError) << way;
}

TEST_F(RunFolderTest, NeedsAFolder) {
  EXPECT_THROW(RunFolder{folder_ / "none"}, UserError);
  put("run.h5");
  EXPECT_THROW(RunFolder{folder_ / "run.h5"}, UserError);
}

TEST(OwnProcess, GivesWhatIsWorkedOutThere) {
  int here = 1;
  EXPECT_EQ(in_own_process([&] { return ++here, std::string(1 << 20, 'x'); }, 20),
            std::string(1 << 20, 'x'));
  EXPECT_EQ(here, 1);
}

TEST(OwnProcess, OutlivesItsErrorsCrashesAndHanging) {
  auto const complaint = [](std::function<std::string()> const& work) -> std::string {
    try {
      return in_own_process(work, 0.3);
    } catch (DataError const& e) {
      return e.what();
    }
  };
  EXPECT_EQ(complaint([]() -> std::string { throw std::runtime_error{"a reason"}; }), "a reason");
  EXPECT_THAT(complaint([]() -> std::string {
                std::raise(SIGKILL);
                return "";
              }),
              HasSubstr("crashed (Killed)"));
  EXPECT_THAT(complaint([]() -> std::string {
                ::pause();
                return "";
              }),
              HasSubstr("longer than 0.3 s"));
}

TEST(HttpServer, KnowsItsNames) {
  for (auto const* name : {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:80", "[::1]"})
    EXPECT_TRUE(is_own_name(name, "127.0.0.1")) << name;
  for (auto const* name : {"", "evil.example", "evil.example:8080", "localhost.evil.example",
                           "127.0.0.1.evil.example", "10.0.0.7:8080", ":8080", "[::1].evil"})
    EXPECT_FALSE(is_own_name(name, "127.0.0.1")) << name;
  EXPECT_TRUE(is_own_name("10.0.0.7:8080", "0.0.0.0"));
  EXPECT_TRUE(is_own_name("[fe80::1]:8080", "::"));
  EXPECT_TRUE(is_own_name("head.cluster:8080", "head.cluster"));
  EXPECT_FALSE(is_own_name("evil.example", "0.0.0.0"));
}

TEST(HttpServer, KnowsTheLoopback) {
  for (auto const* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (auto const* host : {"0.0.0.0", "::", "10.0.0.1", "127.evil.example"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

}  // namespace
}  // namespace canopy::app
