#include <gmock/gmock.h>

#include "canopy/core/progress.hpp"

namespace canopy {
namespace {

/// What a Progress writes on standard error while `use` works with it.
template <class Use>
std::string written(ProgressMode mode, Use use) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress{mode};
    use(progress);
  }
  return ::testing::internal::GetCapturedStderr();
}

std::vector<std::string> block() {
  return {"first line", "second line"};
}

TEST(Progress, ABarIsAsFullAsTheShare) {
  EXPECT_EQ(progress_bar(0, 4), "[....]");
  EXPECT_EQ(progress_bar(0.5, 4), "[##..]");
  EXPECT_EQ(progress_bar(1, 4), "[####]");
}

TEST(Progress, NonePrintsNothing) {
  int asked = 0;
  auto const text = written(ProgressMode::none, [&](Progress& progress) {
    progress.update([&] { return ++asked, block(); }, [&] { return ++asked, "line"; });
    progress.say("a word");
    progress.finish();
  });
  EXPECT_EQ(text, "");
  EXPECT_EQ(asked, 0) << "texts are made only when they are shown";
}

TEST(Progress, WarningsArePrintedByNoneToo) {
  EXPECT_EQ(written(ProgressMode::none, [](Progress& progress) { progress.warn("a word"); }),
            "a word\n");
}

TEST(Progress, LinesSaysPlainLinesNowAndThen) {
  int asked = 0;
  auto const text = written(ProgressMode::lines, [&](Progress& progress) {
    for (int i = 0; i < 100; ++i)
      progress.update([&] { return ++asked, block(); }, [&] { return ++asked, "line"; });
    progress.say("a word");
  });
  EXPECT_EQ(text, "a word\n") << "no line in the first seconds, and no terminal codes";
  EXPECT_EQ(asked, 0);
}

TEST(Progress, AutomaticIsLinesWhereNobodyWatches) {
  auto const text = written(ProgressMode::automatic, [](Progress& progress) {
    progress.update(block, [] { return "line"; });
    progress.say("a word");
  });
  EXPECT_EQ(text, "a word\n");
}

TEST(Progress, BarDrawsOverItselfAndKeepsWhatIsSaid) {
  auto const text = written(ProgressMode::bar, [](Progress& progress) {
    progress.update(block, [] { return "line"; });
    progress.update(block, [] { return "line"; });  // too soon
    progress.say("a word");
    progress.warn("a warning");
  });
  EXPECT_EQ(text,
            "first line\nsecond line\n"
            "\x1b[2A\x1b[J"
            "a word\nfirst line\nsecond line\n"
            "\x1b[2A\x1b[J"
            "a warning\nfirst line\nsecond line\n");
}

}  // namespace
}  // namespace canopy
