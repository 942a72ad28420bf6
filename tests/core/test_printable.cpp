#include <gtest/gtest.h>

#include "canopy/core/printable.hpp"

namespace canopy::text {
namespace {

TEST(Printable, WhatATerminalWouldNotPrintIsSpelledOut) {
  using namespace std::string_literals;
  EXPECT_EQ(printable("tab\tand line\n"), "tab\tand line\n");
  EXPECT_EQ(printable("größer 水 😀"), "größer 水 😀");
  EXPECT_EQ(printable("a\0b\x1b[2J\r\x7f"s), "a\\x00b\\x1b[2J\\x0d\\x7f");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3") << "no character, and half of one";
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J \xc0\x8a"),
            "\\xc2\\x9b2J \\xc0\\x8a")
      << "controls in two bytes";
  EXPECT_EQ(printable("\xe6\xb0x"), "\\xe6\\xb0x");
}

}  // namespace
}  // namespace canopy::text
