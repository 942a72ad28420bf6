#include <stop_token>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "canopy/record/journal.hpp"
#include "canopy/record/journal_use.hpp"

#include "children.hpp"
#include "temporary_folder.hpp"

namespace canopy::record {
namespace {

TEST(JournalUse, LastsAsLongAsTheJournalIsOpen) {
  TemporaryFolder const folder;
  auto const path = folder / "run.journal";
  EXPECT_FALSE(is_in_use(path));
  {
    auto const journal = Journal::create(path);
    EXPECT_TRUE(is_in_use(path));
    Journal::create(folder / "other.journal");
    EXPECT_FALSE(is_in_use(folder / "other.journal"));
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_FALSE(is_in_use(path));
}

TEST(JournalUse, IsSeenFromOtherProcesses) {
  TemporaryFolder const folder;
  auto const path = folder / "run.journal";
  auto const journal = Journal::create(path);
  auto const status = status_of_child([&] { ::_exit(is_in_use(path) ? 7 : 1); });
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

// A run that begins while somebody asks must not fail because of that.
TEST(JournalUse, NeverKeepsARunFromTheJournal) {
  TemporaryFolder const folder;
  auto const path = folder / "run.journal";
  Journal::create(path);
  std::jthread const asker{[&](std::stop_token const& stop) {
    while (!stop.stop_requested()) is_in_use(path);
  }};
  for (int i = 0; i < 2000; ++i) EXPECT_NO_THROW(Journal::create(path));
}

// What a network file system makes of flock: a lock of the whole file, of another process.
TEST(JournalUse, SeesLocksThatAFileSystemPassesOn) {
  TemporaryFolder const folder;
  auto const path = folder / "run.journal";
  Journal::create(path);
  auto const descriptor = ::open(path.c_str(), O_RDWR);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(descriptor, F_OFD_SETLK, &lock), 0);
  EXPECT_TRUE(is_in_use(path));
  ::close(descriptor);
  EXPECT_FALSE(is_in_use(path));
}

}  // namespace
}  // namespace canopy::record
