#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"
#include "canopy/record/journal.hpp"

#include "children.hpp"
#include "support/allocations.hpp"
#include "temporary_folder.hpp"

namespace canopy::record {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

json task(int id) {
  return {{"kind", "task"}, {"trial", id}, {"score", 0.1 * id}, {"text", "line\nbreak, fö"}};
}

std::vector<json> tasks(int count) {
  std::vector<json> all;
  for (int id = 0; id < count; ++id) all.push_back(task(id));
  return all;
}

std::vector<json> all_of(JournalRecords const& records) {
  std::vector<json> all;
  records.each([&](json const& record) { all.push_back(record); });
  return all;
}

void write_tasks(std::filesystem::path const& path, int count) {
  auto journal = Journal::create(path);
  for (int id = 0; id < count; ++id) journal.append(task(id));
}

std::string bytes_of(std::filesystem::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write_bytes(std::filesystem::path const& path, std::string const& bytes) {
  std::ofstream{path, std::ios::binary} << bytes;
}

TEST(Journal, HasTheFormatThatIsPromised) {
  TemporaryFolder const folder;
  auto journal = Journal::create(folder / "a.journal");
  journal.append({{"a", 1}});
  // python3 -c 'import zlib; print("%08x" % zlib.crc32(b"{\"a\":1}"))'
  EXPECT_EQ(bytes_of(folder / "a.journal"), "561bacaf {\"a\":1}\n");
}

TEST(Journal, GivesBackWhatWasAppended) {
  TemporaryFolder const folder;
  write_tasks(folder / "a.journal", 5);
  EXPECT_EQ(Journal::read(folder / "a.journal"), tasks(5));
  JournalRecords records;
  auto journal = Journal::reopen(folder / "a.journal", records);
  EXPECT_EQ(all_of(records), tasks(5));
  journal.append(task(5));
  journal.sync();
  EXPECT_EQ(Journal::read(folder / "a.journal"), tasks(6));
}

TEST(Journal, ItsRecordsAreThoseThatItHadWhenItWasOpened) {
  TemporaryFolder const folder;
  EXPECT_TRUE(JournalRecords{}.empty());
  EXPECT_TRUE(all_of({}).empty());
  write_tasks(folder / "a.journal", 2);
  JournalRecords records;
  auto journal = Journal::reopen(folder / "a.journal", records);
  journal.append({{"kind", "other"}});
  EXPECT_EQ(all_of(records), tasks(2));
  EXPECT_EQ(records.front(), task(0));
  EXPECT_EQ(all_of(JournalRecords{folder / "a.journal"}).size(), 3u);
}

TEST(Journal, HoldsOneOfItsRecordsAtATime) {
  TemporaryFolder const folder;
  write_tasks(folder / "a.journal", 5000);
  auto const before = held_bytes();
  JournalRecords const records{folder / "a.journal"};
  std::size_t seen = 0;
  std::size_t most = 0;
  records.each([&](json const&) { ++seen, most = std::max(most, held_bytes()); });
  EXPECT_EQ(seen, 5000u);
  EXPECT_LT(most - before, std::filesystem::file_size(folder / "a.journal") / 10);
}

TEST(Journal, FindsTheRecordsOfAKind) {
  TemporaryFolder const folder;
  write_tasks(folder / "a.journal", 2);
  JournalRecords records;
  {
    auto journal = Journal::reopen(folder / "a.journal", records);
    journal.append({{"kind", "other"}, {"task", {{"kind", "task"}}}});
    journal.append(task(2));
  }
  records = JournalRecords{folder / "a.journal"};
  EXPECT_EQ(records.size(), 4u);
  std::vector<json> found;
  records.each_of("task", [&](json const& record) { found.push_back(record); });
  EXPECT_EQ(found, tasks(3));
}

TEST(Journal, KeepsRealsBitForBitAndSurvivesBrokenText) {
  TemporaryFolder const folder;
  auto journal = Journal::create(folder / "a.journal");
  for (double const value : {0.1 + 0.2, 1.0 / 3, 5e-324, 1.7976931348623157e308}) {
    journal.append(value);
    EXPECT_EQ(Journal::read(folder / "a.journal").back().get<double>(), value);
  }
  journal.append("not UTF-8: \xff");
  EXPECT_EQ(Journal::read(folder / "a.journal").back(), "not UTF-8: \xef\xbf\xbd");
}

TEST(Journal, KeepsTheRealsThatJsonLacks) {
  TemporaryFolder const folder;
  auto const infinity = std::numeric_limits<double>::infinity();
  auto journal = Journal::create(folder / "a.journal");
  journal.append(
      {{"score", std::nan("")}, {"losses", {1.5, -infinity, infinity}}, {"none", nullptr}});
  EXPECT_THAT(bytes_of(folder / "a.journal"), HasSubstr(R"("score":{"$real":"nan"})"));
  auto const record = Journal::read(folder / "a.journal").back();
  EXPECT_TRUE(std::isnan(record.at("score").get<double>()));
  EXPECT_EQ(record.at("losses").get<std::vector<double>>(),
            (std::vector<double>{1.5, -infinity, infinity}));
  EXPECT_TRUE(record.at("none").is_null());
}

TEST(Journal, CreateStartsEmpty) {
  TemporaryFolder const folder;
  write_tasks(folder / "a.journal", 3);
  auto const journal = Journal::create(folder / "a.journal");
  EXPECT_TRUE(Journal::read(folder / "a.journal").empty());
}

TEST(Journal, LosesNothingWhenTheProcessIsKilled) {
  TemporaryFolder const folder;
  auto const status = status_of_child([&] {
    auto journal = Journal::create(folder / "a.journal");
    for (int id = 0; id < 1000; ++id) journal.append(task(id));
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(WTERMSIG(status), SIGKILL);
  JournalRecords records;
  auto const journal = Journal::reopen(folder / "a.journal", records);
  EXPECT_EQ(all_of(records), tasks(1000));
}

TEST(Journal, CutsOffALineTornAtAnyByte) {
  TemporaryFolder const folder;
  write_tasks(folder / "whole.journal", 3);
  write_tasks(folder / "two.journal", 2);
  auto const whole = bytes_of(folder / "whole.journal");
  auto const two = bytes_of(folder / "two.journal");
  for (auto size = two.size(); size < whole.size(); ++size) {
    write_bytes(folder / "torn.journal", whole.substr(0, size));
    EXPECT_EQ(Journal::read(folder / "torn.journal"), tasks(2)) << size;
    JournalRecords records;
    auto journal = Journal::reopen(folder / "torn.journal", records);
    EXPECT_EQ(all_of(records), tasks(2)) << size;
    journal.append(task(2));
    EXPECT_EQ(bytes_of(folder / "torn.journal"), whole) << size;
  }
}

TEST(Journal, HasBegunWithItsFirstWholeLine) {
  TemporaryFolder const folder;
  EXPECT_FALSE(Journal::has_begun(folder / "a.journal"));
  write_tasks(folder / "a.journal", 1);
  EXPECT_TRUE(Journal::has_begun(folder / "a.journal"));
  auto const whole = bytes_of(folder / "a.journal");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_bytes(folder / "torn.journal", whole.substr(0, size));
    EXPECT_FALSE(Journal::has_begun(folder / "torn.journal")) << size;
  }
  write_bytes(folder / "torn.journal", whole + whole.substr(0, 5));
  EXPECT_TRUE(Journal::has_begun(folder / "torn.journal"));
  write_bytes(folder / "torn.journal", '#' + whole);
  EXPECT_FALSE(Journal::has_begun(folder / "torn.journal")) << "a damaged last line is a torn one";
  write_bytes(folder / "torn.journal", '#' + whole + whole);
  EXPECT_TRUE(Journal::has_begun(folder / "torn.journal")) << "reading it tells of the damage";
}

TEST(Journal, CutsOffADamagedLastLineAndAZeroedTail) {
  TemporaryFolder const folder;
  write_tasks(folder / "a.journal", 3);
  auto bytes = bytes_of(folder / "a.journal");
  bytes[bytes.size() - 5] ^= 1;
  write_bytes(folder / "a.journal", bytes);
  EXPECT_EQ(Journal::read(folder / "a.journal"), tasks(2));
  write_tasks(folder / "a.journal", 3);
  write_bytes(folder / "a.journal", bytes_of(folder / "a.journal") + std::string(4096, '\0'));
  EXPECT_EQ(Journal::read(folder / "a.journal"), tasks(3));
}

TEST(Journal, RefusesDamageInTheMiddleAtEveryByte) {
  TemporaryFolder const folder;
  write_tasks(folder / "a.journal", 3);
  write_tasks(folder / "one.journal", 1);
  auto const bytes = bytes_of(folder / "a.journal");
  auto const first = bytes_of(folder / "one.journal").size();
  auto const second_end = bytes.find('\n', first);
  for (auto at = first; at < second_end; ++at) {
    auto damaged = bytes;
    damaged[at] = damaged[at] == '#' ? '%' : '#';
    write_bytes(folder / "a.journal", damaged);
    EXPECT_THAT([&] { Journal::read(folder / "a.journal"); },
                ThrowsMessage<DataError>(HasSubstr("a.journal: line 2: damaged")))
        << at;
    JournalRecords records;
    EXPECT_THROW(Journal::reopen(folder / "a.journal", records), DataError);
    EXPECT_EQ(bytes_of(folder / "a.journal"), damaged);
  }
}

TEST(Journal, IsHeldByOneRunOnly) {
  TemporaryFolder const folder;
  JournalRecords records;
  {
    auto journal = Journal::create(folder / "a.journal");
    journal.append(task(0));
    auto const message = HasSubstr("another run is writing this journal");
    EXPECT_THAT([&] { Journal::create(folder / "a.journal"); }, ThrowsMessage<UserError>(message));
    EXPECT_THAT([&] { Journal::reopen(folder / "a.journal", records); },
                ThrowsMessage<UserError>(message));
    EXPECT_EQ(Journal::read(folder / "a.journal"), tasks(1));
  }
  EXPECT_NO_THROW(Journal::reopen(folder / "a.journal", records));
}

TEST(Journal, MovesItsLock) {
  TemporaryFolder const folder;
  auto a = Journal::create(folder / "a.journal");
  auto b = std::move(a);
  EXPECT_EQ(a.descriptor(), -1);
  EXPECT_GE(b.descriptor(), 0);
  EXPECT_THROW(Journal::create(folder / "a.journal"), UserError);
  b = Journal::create(folder / "b.journal");
  EXPECT_NO_THROW(Journal::create(folder / "a.journal"));
  b.append(task(0));
  EXPECT_EQ(Journal::read(folder / "b.journal"), tasks(1));
}

TEST(Journal, SaysSoWhenTheDiskIsFullAndStaysWhole) {
  TemporaryFolder const folder;
  auto const status = status_of_child([&] {
    auto journal = Journal::create(folder / "a.journal");
    journal.append(task(0));
    journal.append(task(1));
    limit_file_size(std::filesystem::file_size(folder / "a.journal") + 20);
    try {
      journal.append(task(2));
    } catch (UserError const&) {
      limit_file_size(RLIM_INFINITY);
      journal.append(task(2));
      ::_exit(2);
    }
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_EQ(Journal::read(folder / "a.journal"), tasks(3));
}

TEST(Journal, GoesAwayOnRequest) {
  TemporaryFolder const folder;
  auto journal = Journal::create(folder / "a.journal");
  journal.remove();
  EXPECT_EQ(journal.descriptor(), -1);
  EXPECT_FALSE(std::filesystem::exists(folder / "a.journal"));
}

TEST(Journal, NamesAFileThatIsNotThere) {
  TemporaryFolder const folder;
  JournalRecords records;
  EXPECT_THAT(
      [&] { Journal::reopen(folder / "none.journal", records); },
      ThrowsMessage<UserError>(HasSubstr("none.journal: cannot open this journal: No such")));
  EXPECT_THROW(Journal::read(folder / "none.journal"), DataError);
  EXPECT_THROW(Journal::create(folder / "no/folder.journal"), UserError);
}

TEST(Journal, AppendsInLessThanAMillisecond) {
  TemporaryFolder const folder;
  auto journal = Journal::create(folder / "a.journal");
  std::vector<double> seconds;
  for (int id = 0; id < 2001; ++id) {
    auto const record = task(id);
    Stopwatch const watch;
    journal.append(record);
    seconds.push_back(watch.seconds());
  }
  std::ranges::nth_element(seconds, seconds.begin() + 1000);
  std::cout << "median append: " << seconds[1000] * 1e6 << " us\n";
  EXPECT_LT(seconds[1000], 1e-3);
}

}  // namespace
}  // namespace canopy::record
