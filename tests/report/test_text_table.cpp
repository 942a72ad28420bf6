#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/report/text_table.hpp"

namespace canopy::report {
namespace {

using Type = Table::Type;

Table trials() {
  Table table{"trials"};
  table.column("id", Type::integer).column("score", Type::real).column("kind", Type::text);
  table.add({std::int64_t{0}, 0.8605123456, "default"});
  table.add({std::int64_t{10}, empty_cell, ""});
  table.add({std::int64_t{-2}, 1.0 / 3, "sobol"});
  return table;
}

TEST(Render, AlignsNumbersRightAndLeavesEmptyCellsBlank) {
  EXPECT_EQ(render(trials(), {.digits = 4, .width = {}}),
            "id   score  kind\n"
            "--  ------  -------\n"
            " 0  0.8605  default\n"
            "10\n"
            "-2  0.3333  sobol\n");
}

TEST(Render, WithoutDigitsPrintsNumbersExactly) {
  EXPECT_NE(render(trials()).find(" 0.8605123456 "), std::string::npos);
  EXPECT_NE(render(trials()).find(" 0.3333333333333333 "), std::string::npos);
}

TEST(Render, NamesTheColumnsThatDoNotFit) {
  EXPECT_EQ(render(trials(), {.digits = 4, .width = 18}),
            "id   score\n"
            "--  ------\n"
            " 0  0.8605\n"
            "10\n"
            "-2  0.3333\n"
            "(columns that do not fit in 18 characters: kind)\n");
  EXPECT_EQ(render(trials(), {.digits = 4, .width = 19}),
            render(trials(), {.digits = 4, .width = {}}));
}

TEST(Render, KeepsTheFirstColumnHoweverNarrow) {
  EXPECT_EQ(render(trials(), {.digits = {}, .width = 1}).substr(0, 6), "id\n--\n");
}

TEST(Render, CountsSignsNotBytes) {
  Table table{"t"};
  table.column("wörter", Type::text).column("n", Type::integer);
  table.add({"é", std::int64_t{1}});
  table.add({"日本", std::int64_t{2}});
  table.add({"line\nbreak", std::int64_t{3}});
  EXPECT_EQ(render(table),
            "wörter      n\n"
            "----------  -\n"
            "é           1\n"
            "日本        2\n"
            "line break  3\n");
}

TEST(Render, AnEmptyTableIsItsHeading) {
  Table table{"t"};
  table.column("a", Type::integer).column("bb", Type::text);
  EXPECT_EQ(render(table), "a  bb\n-  --\n");
}

TEST(Select, TakesColumnsInTheGivenOrderAndTheFirstRows) {
  auto const chosen = select(trials(), {"kind", "id"}, 2);
  EXPECT_EQ(chosen.name(), "trials");
  EXPECT_EQ(csv(chosen), "kind,id\ndefault,0\n,10\n");
  EXPECT_EQ(csv(select(trials(), {"id"}, 99)), "id\n0\n10\n-2\n");
  EXPECT_EQ(csv(select(trials(), {"id"}, 0)), "id\n");
}

TEST(Select, NamesTheColumnsThereAre) {
  try {
    select(trials(), {"id", "scores"}, 1);
    ADD_FAILURE() << "no error";
  } catch (UserError const& e) {
    EXPECT_STREQ(e.what(),
                 "table trials has no column 'scores' (did you mean 'score'?); it has id, "
                 "score, kind");
  }
}

TEST(SideBySide, HasARowForEveryColumnName) {
  Table best{"best"};
  best.column("trial", Type::integer).column("score", Type::real);
  best.add({std::int64_t{7}, 1.0 / 3});
  Table verdict{"verdict"};
  verdict.column("score", Type::real).column("word", Type::text);
  verdict.add({0.5, "better"});
  EXPECT_EQ(csv(side_by_side({&best, &verdict}, 2)),
            "name,best,verdict\ntrial,7,\nscore,0.33,0.5\nword,,better\n");
}

TEST(DisplayWidth, OfCombiningWideAndBrokenText) {
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("\U0001F332"), 2u);
  EXPECT_EQ(display_width("\xff\xc3"), 2u);
  EXPECT_EQ(display_width(""), 0u);
}

TEST(Csv, PrintsNumbersSoThatTheyReadBackTheSame) {
  EXPECT_EQ(csv(trials()),
            "id,score,kind\n"
            "0,0.8605123456,default\n"
            "10,,\n"
            "-2,0.3333333333333333,sobol\n");
}

TEST(Csv, QuotesWhatNeedsIt) {
  Table table{"t"};
  table.column("a,b", Type::text).column("c", Type::text);
  table.add({"say \"hi\"", "two\nlines"});
  table.add({" plain ", "x"});
  EXPECT_EQ(csv(table), "\"a,b\",c\n\"say \"\"hi\"\"\",\"two\nlines\"\n plain ,x\n");
}

TEST(Csv, ALoneEmptyFieldIsNotAnEmptyLine) {
  Table table{"t"};
  table.column("a", Type::text).add({""});
  EXPECT_EQ(csv(table), "a\n\"\"\n");
}

}  // namespace
}  // namespace canopy::report
