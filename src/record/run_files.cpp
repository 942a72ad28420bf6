#include "canopy/record/run_files.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include "canopy/core/clock.hpp"
#include "canopy/core/error.hpp"
#include "canopy/core/output_file.hpp"
#include "canopy/core/toml.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/store/arrays.hpp"

#include "schema.hpp"

namespace canopy::record {
namespace {

namespace fs = std::filesystem;

fs::path journal_beside(fs::path run_file) {
  auto const extension = run_file.extension();
  if (extension == ".h5" || extension == ".hdf5") return run_file.replace_extension(".journal");
  return run_file += ".journal";
}

bool is_complete(RunFiles const& files) {
  auto const file = store::File::open_read(files.run_file);
  return run_attributes(file, files.run_file).text_attribute("status") == "complete";
}

/// With a complete run file: a run with --overwrite has begun and is to replace it. One that was
/// killed before it could remove its journal leaves an older one, and one that died while it began
/// a journal that does not tell whose it is: it replaces nothing.
bool journal_is_newer(RunFiles const& files) {
  return fs::exists(files.journal) &&
         fs::last_write_time(files.journal) > fs::last_write_time(files.run_file) &&
         Journal::has_begun(files.journal);
}

UserError files_in_the_way(RunFiles const& files, bool has_run_file) {
  auto const text = has_run_file
                        ? files.run_file.string() + ": this run file exists already"
                        : files.journal.string() + ": this journal of an unfinished run exists";
  return UserError{text +
                   "; go on with --resume, replace it with --overwrite, or give another "
                   "--out"};
}

std::string value_text(TomlNode const& where, toml::node const& node) {
  if (node.is_date() || node.is_time() || node.is_date_time()) {
    std::ostringstream text;
    node.visit([&](auto const& value) { text << value; });
    return text.str();
  }
  auto text = toml_text(where, node);
  return text.empty() ? "\"\"" : text;
}

using Flat = std::map<std::string, std::string>;

bool holds_nodes(toml::node const& node) {
  auto const is_nested = [](toml::node const& element) { return !element.is_value(); };
  return node.is_array() && std::ranges::any_of(*node.as_array(), is_nested);
}

void flatten(TomlNode const& where, toml::node const& node, std::string const& key, Flat& flat) {
  if (auto const* table = node.as_table()) {
    for (auto const& [name, value] : *table)
      flatten(where, value, key + (key.empty() ? "" : ".") + std::string{name.str()}, flat);
  } else if (holds_nodes(node)) {
    for (std::size_t i = 0; i < node.as_array()->size(); ++i)
      flatten(where, (*node.as_array())[i], key + "[" + std::to_string(i) + "]", flat);
  } else {
    flat[key] = value_text(where, node);
  }
}

Flat flattened(std::string const& text, std::string const& name) {
  try {
    auto const table = toml::parse(text, name);
    Flat flat;
    flatten({table, name}, table, "", flat);
    return flat;
  } catch (toml::parse_error const& e) {
    auto const at = e.source().begin;
    throw UserError{name + ": line " + std::to_string(at.line) + ", column " +
                    std::to_string(at.column) + ": " + std::string{e.description()}};
  }
}

bool is_exempt(std::string const& key, std::span<std::string const> names) {
  return std::ranges::any_of(names, [&](std::string const& name) {
    return key == name || key.starts_with(name + ".") || key.starts_with(name + "[");
  });
}

}  // namespace

RunFiles files_of(fs::path const& run_file) {
  return {run_file, journal_beside(run_file)};
}

bool has_journal_only(RunFiles const& files) {
  if (!fs::exists(files.run_file)) return fs::exists(files.journal);
  return journal_is_newer(files) && is_complete(files);
}

RunFiles run_files(std::string const& out, std::string const& command) {
  fs::path const run_file = out.empty() ? "results/" + command + "-" + file_stamp() + ".h5" : out;
  check_output("--out", run_file, ".h5");
  if (run_file.extension() == ".journal")
    throw UserError{"--out is " + out + ", the name of a journal; expected one that ends in .h5"};
  make_folder_of(run_file);
  return files_of(run_file);
}

Start decide_start(RunFiles const& files, bool overwrite, bool resume) {
  if (overwrite && resume)
    throw UserError{"--overwrite and --resume exclude each other; give one of them"};
  auto const has_run_file = fs::exists(files.run_file);
  if (overwrite || (!has_run_file && !fs::exists(files.journal))) return Start::fresh;
  if (!resume) throw files_in_the_way(files, has_run_file);
  if (!has_run_file || journal_is_newer(files)) return Start::resume;
  return is_complete(files) ? Start::already_complete : Start::resume;
}

std::vector<std::string> settings_differences(std::string const& old_toml,
                                              std::string const& new_toml,
                                              std::span<std::string const> may_differ) {
  auto const before = flattened(old_toml, "settings of the earlier run");
  auto const after = flattened(new_toml, "settings of this run");
  auto keys = before;
  keys.insert(after.begin(), after.end());
  auto const value = [](Flat const& flat, std::string const& key) {
    auto const found = flat.find(key);
    return found == flat.end() ? std::string{"(not set)"} : found->second;
  };
  std::vector<std::string> lines;
  for (auto const& [key, ignored] : keys)
    if (value(before, key) != value(after, key) && !is_exempt(key, may_differ))
      lines.push_back(key + ": " + value(before, key) + " -> " + value(after, key));
  return lines;
}

}  // namespace canopy::record
