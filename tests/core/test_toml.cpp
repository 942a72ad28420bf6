#include <gmock/gmock.h>

#include "canopy/core/toml.hpp"

namespace canopy {
namespace {

std::string const file = "settings.toml";

std::string text_of(std::string const& value) {
  auto const table = toml::parse("x = " + value);
  return toml_text(TomlNode{table, file}, *table.get("x"));
}

TEST(TomlText, IsWhatTheCommandLineWouldSay) {
  EXPECT_EQ(text_of("1"), "1");
  EXPECT_EQ(text_of("-3"), "-3");
  EXPECT_EQ(text_of("0.1"), "0.1");
  EXPECT_EQ(text_of("true"), "true");
  EXPECT_EQ(text_of("'w'"), "w");
  EXPECT_EQ(text_of("[1, 2.0, 'x']"), "1,2.0,x");
  EXPECT_EQ(text_of("[]"), "");
}

TEST(TomlText, KeepsSharesApartFromCounts) {
  EXPECT_EQ(text_of("1.0"), "1.0");
  EXPECT_EQ(text_of("-2.0"), "-2.0");
  EXPECT_EQ(text_of("1e30"), "1e+30");
}

TEST(TomlText, RefusesWhatNoOptionTakesAndSaysWhere) {
  auto const table = toml::parse("a = 1\n  b = [1, { c = 2 }]\nd = 1979-05-27\n");
  TomlNode const where{table, file};
  using testing::HasSubstr;
  using testing::StartsWith;
  EXPECT_THAT([&] { toml_text(where, *table.get("b")); },
              testing::ThrowsMessage<UserError>(StartsWith("settings.toml: line 2, column 11: ")));
  EXPECT_THAT([&] { toml_text(where, *table.get("d")); },
              testing::ThrowsMessage<UserError>(HasSubstr("line 3, column 5: expected a number")));
}

}  // namespace
}  // namespace canopy
