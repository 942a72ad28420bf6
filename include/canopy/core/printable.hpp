#pragma once

#include <string>
#include <string_view>

namespace canopy::text {

/// The text with control characters, but for line ends and tabs, and bytes that are no UTF-8 as
/// "\x1b": for what comes out of files and goes to a terminal.
std::string printable(std::string_view text);

}  // namespace canopy::text
