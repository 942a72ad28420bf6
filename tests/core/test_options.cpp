#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "canopy/core/options.hpp"
#include "canopy/core/toml.hpp"

namespace canopy {
enum class Shade { light, dark };
template <>
struct Names<Shade> {
  static constexpr std::array value{"light", "dark"};
};

namespace {

using ::testing::HasSubstr;
using Words = std::vector<std::string>;

/// One setting of each kind.
struct Settings {
  int trials = 64;
  double rate = 0.25;
  bool verbose = false;
  std::string file = "a \"b\".csv";
  Shade shade = Shade::dark;
  std::optional<double> time_limit;
  std::vector<int> sizes{1, 2};

  void describe(Options& o) {
    o.group("First");
    o.row("trials", trials, "how many", at_least(1));
    o.row("learning-rate", rate, "how fast", between(0.0, 1.0));
    o.row("verbose", verbose, "says more", any<bool>("true or false"));
    o.group("Second");
    o.row("file", file, "where from", any<std::string>("FILE"));
    o.row("shade", shade, "how dark", any<Shade>("one of light, dark"));
    o.row("time-limit", time_limit, "how long", any<std::optional<double>>("None or seconds"));
    o.row("sizes", sizes, "how big", any<std::vector<int>>("numbers"));
  }
  friend bool operator==(Settings const&, Settings const&) = default;
};

struct OptionsTest : ::testing::Test {
  OptionsTest() { settings.describe(options); }

  template <class Action>
  static std::string message(Action action) {
    try {
      action();
    } catch (UserError const& e) {
      EXPECT_EQ(e.code, ExitCode::usage);
      return e.what();
    }
    return "no UserError";
  }
  CommandLine read(Words const& words) {
    return read_command_line("tune", "Tunes.", options, words);
  }

  Settings settings;
  Options options;
};

TEST_F(OptionsTest, DefaultsAreTheMemberInitialisers) {
  auto const result = read({});
  EXPECT_EQ(settings, Settings{});
  EXPECT_TRUE(result.given.empty());
  EXPECT_FALSE(result.help.has_value());
  std::vector<std::string> initial;
  for (auto const& row : options.rows()) initial.push_back(row.initial);
  EXPECT_EQ(initial, (Words{"64", "0.25", "false", "a \"b\".csv", "dark", "None", "1,2"}));
}

TEST_F(OptionsTest, EveryKindOfValueIsRead) {
  read({"--trials", "3", "--learning-rate=0.5", "--verbose", "--file", "x.csv", "--shade", "light",
        "--time-limit", "1.5", "--sizes", "4, 5"});
  EXPECT_EQ(settings, (Settings{3, 0.5, true, "x.csv", Shade::light, 1.5, {4, 5}}));
  read({"--time-limit", "None", "--verbose=false"});
  EXPECT_EQ(settings.time_limit, std::nullopt);
  EXPECT_FALSE(settings.verbose);
}

TEST_F(OptionsTest, ErrorsNameOptionValueAndWhatIsExpected) {
  EXPECT_EQ(message([&] { read({"--trials", "0"}); }), "--trials is '0', expected at least 1");
  EXPECT_EQ(message([&] {
              read({"--trials", "many"});
            }),
            "--trials is 'many', expected at least 1, a whole number in digits");
  EXPECT_EQ(message([&] {
              read({"--trials", "1e9"});
            }),
            "--trials is '1e9', expected at least 1, a whole number in digits");
  EXPECT_EQ(message([&] {
              read({"--sizes", "1,x"});
            }),
            "--sizes is '1,x', expected numbers, a whole number in digits");
  EXPECT_EQ(message([&] {
              read({"--time-limit", "soon"});
            }),
            "--time-limit is 'soon', expected None or seconds");
  EXPECT_EQ(message([&] {
              read({"--trials", "99999999999"});
            }),
            "--trials is '99999999999', expected at least 1, up to 2147483647");
  EXPECT_EQ(message([&] {
              read({"--learning-rate", "1.5"});
            }),
            "--learning-rate is '1.5', expected between 0 and 1");
  EXPECT_EQ(message([&] {
              read({"--shade", "blue"});
            }),
            "--shade is 'blue', expected one of light, dark");
  std::string table;
  options.positional("TABLE", table, "which", one_of({"trials"}));
  EXPECT_EQ(message([&] { read({"trails"}); }),
            "TABLE is 'trails' (did you mean 'trials'?), expected one of trials");
  EXPECT_EQ(settings, Settings{}) << "a refused value leaves the setting alone";
}

TEST_F(OptionsTest, MistypedNamesAreToldTheNearestOne) {
  std::string model = "mlp";
  options.row("model", model, "what", one_of({"mlp", "lenet"}));
  EXPECT_EQ(message([&] {
              read({"--model", "lenett"});
            }),
            "--model is 'lenett' (did you mean 'lenet'?), expected one of mlp, lenet");
  EXPECT_EQ(message([&] {
              read({"--shade", "drak"});
            }),
            "--shade is 'drak' (did you mean 'dark'?), expected one of light, dark");
  EXPECT_EQ(message([&] {
              read({"--model", "transformer"});
            }),
            "--model is 'transformer', expected one of mlp, lenet");
  EXPECT_EQ(model, "mlp");
}

TEST_F(OptionsTest, UnknownOptionsAreToldTheNearestOne) {
  auto const text = message([&] { read({"--trails", "3"}); });
  EXPECT_THAT(text, HasSubstr("unknown option --trails (did you mean '--trials'?)"));
  EXPECT_THAT(message([&] { read({"--trails=3"}); }), HasSubstr("--trails (did you mean"));
  EXPECT_THAT(message([&] { read({"stray"}); }), HasSubstr("unexpected word 'stray'"));
  EXPECT_THAT(message([&] {
                read({"-trails", "3"});
              }),
              HasSubstr("unknown option -trails (did you mean '--trials'?)"));
  EXPECT_THAT(message([&] { read({"--", "x"}); }), HasSubstr("unexpected word 'x'"));
  EXPECT_THAT(message([&] { read({"-"}); }), HasSubstr("unexpected word '-'"));
  EXPECT_THAT(message([&] { options.set("shadow", "x"); }), HasSubstr("did you mean '--shade'?"));
}

TEST_F(OptionsTest, UnknownOptionsTellAllThatWereGivenTogether) {
  try {
    options.read_toml_text("trials = 3\nbatch_size = 4\n[space]\nx = 1", "f.toml");
    FAIL() << "took an unknown option";
  } catch (UnknownOption const& e) {
    EXPECT_STREQ(e.what(), "f.toml: line 2, column 14: unknown option --batch-size");
    EXPECT_EQ(e.all, (Words{"batch-size", "space", "trials"}));
  }
  try {
    read({"--trials", "3", "--batch-size=4"});
    FAIL() << "took an unknown option";
  } catch (UnknownOption const& e) {
    EXPECT_EQ(e.all, Words{"batch-size"});
  }
}

TEST_F(OptionsTest, UnknownSectionsAreToldTheNearestOne) {
  options.section({"space", "what is searched", [](TomlNode const&) {}, [] { return ""; }});
  EXPECT_TRUE(options.takes("space") && options.takes("learning_rate"));
  EXPECT_FALSE(options.takes("spcae"));
  EXPECT_EQ(message([&] { options.read_toml_text("[spcae]", "f.toml"); }),
            "f.toml: line 1, column 1: unknown section [spcae] (did you mean 'space'?)");
}

TEST_F(OptionsTest, DashAndUnderscoreAreTheSame) {
  read({"--learning_rate", "0.5"});
  EXPECT_EQ(settings.rate, 0.5);
  options.set("learning_rate", "0.125");
  EXPECT_EQ(settings.rate, 0.125);
  options.read_toml_text("learning-rate = 0.75", "f");
  EXPECT_EQ(settings.rate, 0.75);
  EXPECT_TRUE(options.has("time_limit") && options.has("time-limit"));
  EXPECT_FALSE(options.has("time"));
}

TEST_F(OptionsTest, TomlErrorsSayLineAndColumn) {
  EXPECT_EQ(message([&] { options.read_toml_text("rate_ = 1\n", "f.toml"); }).substr(0, 25),
            "f.toml: line 1, column 9:");
  EXPECT_EQ(message([&] { options.read_toml_text("\nverbose = true\ntrials = 0\n", "f.toml"); }),
            "f.toml: line 3, column 10: --trials is '0', expected at least 1");
  EXPECT_THAT(message([&] { options.read_toml_text("trials = \n", "f.toml"); }),
              HasSubstr("f.toml: line 1, column "));
  EXPECT_THAT(message([&] { options.read_toml_text("trials = { a = 1 }", "f.toml"); }),
              HasSubstr("f.toml: line 1, column 10: expected a number"));
  EXPECT_THAT(message([&] { options.read_toml("nowhere.toml"); }), HasSubstr("no such file"));
  EXPECT_EQ(message([&] { options.read_toml("."); }),
            "--config .: is a folder, expected a TOML file");
}

TEST_F(OptionsTest, WhatIsWrittenReadsBackTheSame) {
  Settings const other{7, 1.0 / 3, true, "c:\\d \"e\"", Shade::light, 1e-9, {}};
  settings = other;
  auto const toml = options.to_toml();
  settings = Settings{};
  options.read_toml_text(toml, "f");
  EXPECT_EQ(settings, other);
  EXPECT_EQ(options.to_toml(), toml);

  settings = Settings{};
  auto const defaults = options.to_toml();
  settings = other;
  options.read_toml_text(defaults, "f");
  EXPECT_EQ(settings, Settings{});
}

TEST_F(OptionsTest, SectionsAreReadAndWritten) {
  std::string held = "none";
  options.section({"space", "help of the section",
                   [&](TomlNode const& node) { held = toml_text(node, *node.table.get("x")); },
                   [&] { return "[space]\nx = \"" + held + "\"\n"; }});
  options.read_toml_text("trials = 2\n[space]\nx = 1.0\n", "f");
  EXPECT_EQ(held, "1.0") << "a share must not become the count 1";
  EXPECT_THAT(options.to_toml(), HasSubstr("[space]\nx = \"1.0\""));
  EXPECT_THAT(*read({"--help"}).help, HasSubstr("help of the section"));
  EXPECT_THAT(message([&] { options.read_toml_text("space = 3", "f"); }),
              HasSubstr("must be a table"));
}

TEST_F(OptionsTest, TheCommandLineWinsOverTheFile) {
  auto const path = std::filesystem::temp_directory_path() /
                    ("canopy-options-" + std::to_string(getpid()) + ".toml");
  std::ofstream{path} << "trials = 5\nlearning_rate = 0.5\n";
  read({"--trials", "9", "--config", path.string()});
  std::filesystem::remove(path);
  EXPECT_EQ(settings.trials, 9);
  EXPECT_EQ(settings.rate, 0.5);
}

TEST_F(OptionsTest, HelpShowsEveryRowWithRangeAndDefault) {
  auto const help = read({"--help"}).help;
  ASSERT_TRUE(help.has_value());
  auto const lines = text::split(*help, '\n');
  for (auto const& row : options.rows()) {
    auto const line = std::ranges::find_if(
        lines, [&](auto const& l) { return text::trim(l).starts_with("--" + row.name + " "); });
    ASSERT_NE(line, lines.end()) << row.name;
    auto const both = *line + (line + 1 == lines.end() ? "" : *(line + 1));
    EXPECT_THAT(both, HasSubstr(row.range));
    EXPECT_THAT(both, HasSubstr(row.initial));
    EXPECT_THAT(both, HasSubstr(row.help));
  }
}

TEST(Options, ARowThatIsLeftOutIsGone) {
  int kept = 1, gone = 2;
  Options options;
  options.row("kept", kept, "", at_least(0));
  options.row("gone", gone, "", at_least(0));
  options.leave_out("gone");
  EXPECT_EQ(options.names(), std::vector<std::string>{"kept"});
  EXPECT_THROW(options.set("gone", "3"), UserError);
}

TEST(OptionsPositional, IsGivenByPlace) {
  std::string file;
  int number = 1;
  Options options;
  options.positional("file", file, "what to show", any<std::string>("FILE"));
  options.row("number", number, "how many", at_least(1));
  read_command_line("show", "Shows.", options, Words{"run.h5", "--number", "2"});
  EXPECT_EQ(file, "run.h5");
  EXPECT_EQ(number, 2);
}

TEST(OptionsRules, HoldAtTheirEdges) {
  EXPECT_TRUE(at_least(1).holds(1));
  EXPECT_FALSE(more_than(1.0).holds(1.0));
  EXPECT_TRUE(between(0.0, 1.0).holds(0) && between(0.0, 1.0).holds(1));
  EXPECT_FALSE(between(0.0, 1.0).holds(1.0000001));
  EXPECT_TRUE(one_of({"a", "b"}).holds("b"));
  EXPECT_FALSE(one_of({"a", "b"}).holds("c"));
  EXPECT_EQ(one_of({"a", "b"}).text, "one of a, b");
}

}  // namespace
}  // namespace canopy
