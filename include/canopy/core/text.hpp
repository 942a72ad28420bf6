#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Numbers and words as people read and write them; independent of the locale.
namespace canopy::text {

/// Shortest form that reads back as the same number ("0.1", "3", "1e+20"); NaN gives "".
std::string shortest(double value);

/// The whole of `word` as a number, or nothing. Leading '+' is accepted, blanks are not.
std::optional<double> to_double(std::string_view word);
std::optional<std::int64_t> to_int(std::string_view word);

std::string join(std::span<std::string const> words, std::string_view separator);
std::vector<std::string> split(std::string_view line, char separator);
std::string_view trim(std::string_view word);
std::string lower(std::string_view word);
std::string replace_all(std::string word, char from, char to);

/// " (did you mean 'X'?)" when a candidate is near enough to be a slip of the fingers, else "".
std::string did_you_mean(std::string_view word, std::span<std::string const> candidates);

/// "581,012", "12.3 MB", "2 min 05 s": for people, not for programs.
std::string grouped(std::int64_t value);
std::string bytes(double count);
std::string duration(double seconds);

}  // namespace canopy::text
