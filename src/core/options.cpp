#include "canopy/core/options.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "canopy/core/toml.hpp"

namespace canopy {
namespace {

std::string dashed(std::string_view name) {
  return text::replace_all(std::string{name}, '_', '-');
}
std::string underscored(std::string_view name) {
  return text::replace_all(std::string{name}, '-', '_');
}

std::string toml_quoted(std::string_view word) {
  auto out = std::string{"\""};
  for (char const c : word) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

toml::table parse_toml(std::string const& toml, std::string const& file) {
  try {
    return toml::parse(toml, file);
  } catch (toml::parse_error const& e) {
    auto const at = e.source().begin;
    throw UserError{
        fmt::format("{}: line {}, column {}: {}", file, at.line, at.column, e.description())};
  }
}

std::vector<std::string> keys_of(toml::table const& table) {
  std::vector<std::string> keys;
  for (auto const& [key, node] : table) keys.push_back(dashed(key.str()));
  return keys;
}

}  // namespace

std::string toml_text(TomlNode const& where, toml::node const& value) {
  if (auto const* word = value.as_string()) return word->get();
  if (auto const* flag = value.as_boolean()) return flag->get() ? "true" : "false";
  if (auto const* whole = value.as_integer()) return std::to_string(whole->get());
  if (auto const* real = value.as_floating_point()) {
    auto const text = text::shortest(real->get());  // 1.0 stays a share, it is not the count 1
    return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
  }
  if (auto const* list = value.as_array()) {
    std::vector<std::string> words;
    for (auto const& item : *list) words.push_back(toml_text(where, item));
    return text::join(words, ",");
  }
  throw where.error(value, "expected a number, a word, true, false or a list of these");
}

bool Options::has(std::string_view name) const {
  return std::ranges::find(rows_, dashed(name), &Row::name) != rows_.end();
}

bool Options::takes(std::string_view name) const {
  return has(name) || std::ranges::find(sections_, name, &Section::name) != sections_.end();
}

std::vector<std::string> Options::names() const {
  std::vector<std::string> names;
  for (auto const& row : rows_) names.push_back(row.name);
  return names;
}

void Options::set(std::string_view name, std::string const& value) {
  auto const found = std::ranges::find(rows_, dashed(name), &Row::name);
  if (found == rows_.end())
    throw UnknownOption{
        fmt::format("unknown option --{}{}", dashed(name), did_you_mean(dashed(name), names())),
        {dashed(name)}};
  found->set(value);
}

std::string Options::did_you_mean(std::string_view name, std::vector<std::string> known) {
  auto hint = text::did_you_mean(name, known);
  if (auto const quote = hint.find('\''); quote != std::string::npos) hint.insert(quote + 1, "--");
  return hint;
}

UnknownOption Options::unknown_section(std::string const& name) const {
  std::vector<std::string> known;
  for (auto const& section : sections_) known.push_back(section.name);
  return {"unknown section [" + name + "]" + text::did_you_mean(name, known), {name}};
}

void Options::read_toml(std::filesystem::path const& path) {
  if (!std::filesystem::exists(path))
    throw UserError{"--config " + path.string() + ": there is no such file"};
  if (std::filesystem::is_directory(path))
    throw UserError{"--config " + path.string() + ": is a folder, expected a TOML file"};
  std::ifstream in{path};
  std::string const text{std::istreambuf_iterator<char>{in}, {}};
  if (!in) throw UserError{"--config " + path.string() + ": cannot be read"};
  read_toml_text(text, path.string());
}

void Options::read_toml_text(std::string const& toml, std::string const& file) {
  auto const table = parse_toml(toml, file);
  TomlNode const root{table, file};
  for (auto const& [key, node] : table) {
    auto const name = std::string{key.str()};
    auto const section = std::ranges::find(sections_, name, &Section::name);
    if (section != sections_.end()) {
      if (!node.is_table()) throw root.error(node, "'" + name + "' must be a table");
      section->read(TomlNode{*node.as_table(), file});
      continue;
    }
    try {
      if (node.is_table() && !has(name)) throw unknown_section(name);
      set(name, toml_text(root, node));
    } catch (UnknownOption const& e) {
      throw UnknownOption{root.error(node, e.what()).what(), keys_of(table)};
    } catch (UserError const& e) {
      auto const text = std::string{e.what()};
      throw text.starts_with(file) ? e : root.error(node, text);
    }
  }
}

std::string Options::to_toml() const {
  std::string out;
  std::string group;
  for (auto const& row : rows_) {
    if (!row.is_recorded) continue;
    if (row.group != group) {
      out += fmt::format("{}# {}\n", out.empty() ? "" : "\n", row.group);
      group = row.group;
    }
    auto const value = row.get();
    out +=
        fmt::format("{} = {}\n", underscored(row.name), row.is_text ? toml_quoted(value) : value);
  }
  for (auto const& section : sections_) out += "\n" + section.print();
  return out;
}

}  // namespace canopy
